import { DataHubError } from '../errors.ts';

export type Delivery = {
  /** From Pub/Sub, which wants it acknowledged, or by hand, where somebody waits for the answer. */
  from: 'pubsub' | 'manual';
  messageId: string | null;
  /** Whose trace the message carries on: see `Trace`. Null when it was sent by nobody of ours. */
  traceparent: string | null;
  /** What is asked: JSON, or the text that should have been. */
  payload: unknown;
  /** Why nobody can read the payload: an `invalid_event`; null for one that is JSON. */
  fault: DataHubError | null;
};

/** What an Eventarc event may weigh; a larger body was not sent by us. */
const MAX_BODY_BYTES = 512 * 1024;

type Message = { data?: unknown; messageId?: unknown; message_id?: unknown; attributes?: unknown };

/**
 * Takes the payload out of a request body: a CloudEvent as Eventarc delivers it (binary or structured), a raw Pub/Sub push
 * as an emulator delivers it, or the plain JSON of a manual call. Never throws: a payload that cannot be read has still
 * come from somewhere, which decides how it is answered.
 */
export function decode(body: unknown, bodyBytes: number): Delivery {
  const whole =
    typeof body === 'string' || Buffer.isBuffer(body)
      ? readJson(String(body))
      : { payload: body ?? {}, fault: null };
  const message = messageIn(whole.payload);
  const messageId = message?.messageId ?? message?.message_id;
  const traceparent = isObject(message?.attributes) ? message.attributes.traceparent : null;
  const content =
    message === null ? whole : readJson(Buffer.from(String(message.data ?? ''), 'base64').toString('utf8'));
  return {
    from: message === null ? 'manual' : 'pubsub',
    messageId: typeof messageId === 'string' ? messageId : null,
    traceparent: typeof traceparent === 'string' ? traceparent : null,
    ...(bodyBytes > MAX_BODY_BYTES ? tooLarge(bodyBytes) : content),
  };
}

/** The Pub/Sub message that a body carries, in a structured CloudEvent or as such; null for anything else. */
function messageIn(body: unknown): Message | null {
  const data = isObject(body) && 'specversion' in body && isObject(body.data) ? body.data : body;
  return isObject(data) && isObject(data.message) ? data.message : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Content = Pick<Delivery, 'payload' | 'fault'>;

function readJson(text: string): Content {
  if (text.trim() === '') return { payload: {}, fault: null };
  try {
    const payload: unknown = JSON.parse(text);
    // What cannot be written again could not be set aside either.
    JSON.stringify(payload);
    return { payload, fault: null };
  } catch (error) {
    if (error instanceof RangeError)
      return { payload: text, fault: invalid('the event does not fit: it is nested too deep') };
    return { payload: text, fault: invalid(`the event is not JSON: ${(error as Error).message}`) };
  }
}

function tooLarge(bytes: number): Content {
  return { payload: null, fault: invalid(`the event has ${bytes} bytes; ${MAX_BODY_BYTES} are the most`) };
}

const invalid = (message: string) => new DataHubError('invalid_event', message);
