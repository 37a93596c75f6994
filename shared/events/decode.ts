import { DataHubError } from '../errors.ts';

/** How an event came: from Pub/Sub, which wants it acknowledged, or by hand, where somebody waits for the answer. */
export type Delivery = { from: 'pubsub' | 'manual'; payload: unknown; messageId: string | null };

/** What an Eventarc event may weigh; a larger body was not sent by us. */
const MAX_BODY_BYTES = 512 * 1024;

type Message = { data?: unknown; messageId?: unknown; message_id?: unknown };

/**
 * Takes the payload out of a request body: a CloudEvent as Eventarc delivers it (binary or structured), a raw Pub/Sub push
 * as an emulator delivers it, or the plain JSON of a manual call. Throws `invalid_event` for what is not JSON.
 */
export function decode(body: unknown, bodyBytes: number): Delivery {
  if (bodyBytes > MAX_BODY_BYTES) {
    throw invalid(`the event has ${bodyBytes} bytes; ${MAX_BODY_BYTES} are the most`);
  }
  const json = typeof body === 'string' || Buffer.isBuffer(body) ? parseJson(String(body)) : (body ?? {});
  const data = isObject(json) && 'specversion' in json && isObject(json.data) ? json.data : json;
  if (!isObject(data) || !isObject(data.message)) return { from: 'manual', payload: json, messageId: null };
  const message: Message = data.message;
  const messageId = message.messageId ?? message.message_id;
  return {
    from: 'pubsub',
    payload: parseJson(Buffer.from(String(message.data ?? ''), 'base64').toString('utf8')),
    messageId: typeof messageId === 'string' ? messageId : null,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the event is not JSON: ${(error as Error).message}`);
  }
}

const invalid = (message: string) => new DataHubError('invalid_event', message);
