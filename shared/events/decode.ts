import { DataHubError } from '../errors.ts';

export type Delivery = {
  /** Pub/Sub expects an acknowledgement; a person or a script that calls by hand expects an answer. */
  from: 'pubsub' | 'manual';
  messageId: string | null;
  /** The trace that the message continues (`Trace`); null when no function sent it. */
  traceparent: string | null;
  /** The request: parsed JSON, or the text that is not JSON. */
  payload: unknown;
  /** Why the payload is unreadable, as an `invalid_event`; null for JSON. */
  fault: DataHubError | null;
};

/** The limit of an Eventarc event. A larger body cannot come from this system. */
const MAX_BODY_BYTES = 512 * 1024;

type Message = { data?: unknown; messageId?: unknown; message_id?: unknown; attributes?: unknown };

/**
 * Extracts the payload from a request body: a CloudEvent as Eventarc delivers it (binary or structured), a raw Pub/Sub push as an emulator
 * delivers it, or the plain JSON of a manual call. Never throws, because the origin of a delivery decides the answer even when its payload
 * is unreadable.
 */
export function decode(body: unknown, bodyBytes: number): Delivery {
  const plain = bodyBytes === 0 || isBlank(body) ? NO_BODY : readBody(body);
  const message = messageIn(plain.payload);
  const messageId = message?.messageId ?? message?.message_id;
  const traceparent = isObject(message?.attributes) ? message.attributes.traceparent : null;
  const content =
    message === null ? plain : readJson(Buffer.from(String(message.data ?? ''), 'base64').toString('utf8'));
  return {
    from: message === null ? 'manual' : 'pubsub',
    messageId: typeof messageId === 'string' ? messageId : null,
    traceparent: typeof traceparent === 'string' ? traceparent : null,
    ...(bodyBytes > MAX_BODY_BYTES ? tooLarge(bodyBytes) : content),
  };
}

/** The framework makes `{}` of no body; that is a tick, which a shell that could not read a file must not send. */
const NO_BODY: Content = {
  payload: null,
  fault: new DataHubError('invalid_event', 'the request has no body', {
    advice: 'Send JSON, such as {"status":true}. For a tick, send {}.',
  }),
};

const isText = (body: unknown): body is string | Buffer => typeof body === 'string' || Buffer.isBuffer(body);

const isBlank = (body: unknown): boolean =>
  body === undefined || body === null || (isText(body) && String(body).trim() === '');

const readBody = (body: unknown): Content =>
  isText(body) ? readJson(String(body)) : { payload: body, fault: null };

/** Returns the Pub/Sub message in a body, inside a structured CloudEvent or not; null for any other body. */
function messageIn(body: unknown): Message | null {
  const data = isObject(body) && 'specversion' in body && isObject(body.data) ? body.data : body;
  return isObject(data) && isObject(data.message) ? data.message : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Content = Pick<Delivery, 'payload' | 'fault'>;

const NOT_JSON = 'Send JSON, such as {"status":true}. In a shell, write it between single quotes.';

function readJson(text: string): Content {
  if (text.trim() === '') return { payload: {}, fault: null };
  try {
    const payload: unknown = JSON.parse(text);
    // A payload that cannot be serialized again could not be dead-lettered.
    JSON.stringify(payload);
    return { payload, fault: null };
  } catch (error) {
    if (error instanceof RangeError)
      return { payload: text, fault: invalid('the event is nested too deeply') };
    return { payload: text, fault: invalid(`the event is not JSON: ${(error as Error).message}`, NOT_JSON) };
  }
}

function tooLarge(bytes: number): Content {
  const why = `the event has ${bytes} bytes; the limit is ${MAX_BODY_BYTES}`;
  return {
    payload: null,
    fault: invalid(why, 'Send it in parts: some of the view sources, or some of the keys.'),
  };
}

const invalid = (message: string, advice?: string) =>
  new DataHubError('invalid_event', message, advice === undefined ? {} : { advice });
