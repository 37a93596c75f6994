/**
 * One message of PostgreSQL's protocol 3.0: https://www.postgresql.org/docs/current/protocol-message-formats.html
 * `type` is its letter; the message that opens a connection has none.
 */
export interface WireMessage {
  readonly type: string;
  /** The whole message, with its type and length. */
  readonly bytes: Buffer;
}

const LENGTH_BYTES = 4;

/** Cuts the bytes of a connection into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #isOpening: boolean;

  /** `begins` is `opening` for the bytes of a client, whose first message has no letter. */
  constructor(begins: 'opening' | 'typed') {
    this.#isOpening = begins === 'opening';
  }

  *read(chunk: Buffer): Generator<WireMessage> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const typeBytes = this.#isOpening ? 0 : 1;
      if (this.#rest.length < typeBytes + LENGTH_BYTES) return;
      const size = typeBytes + this.#rest.readUInt32BE(typeBytes);
      if (this.#rest.length < size) return;
      const bytes = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      this.#isOpening = false;
      yield { type: bytes.toString('latin1', 0, typeBytes), bytes };
    }
  }
}

/** The parameters of the message that opens a connection: `user`, `database`, `application_name`. */
export function openingParameters({ bytes }: WireMessage): Map<string, string> {
  const words = bytes.toString('utf8', 2 * LENGTH_BYTES).split('\0');
  const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : []));
  return new Map(pairs);
}

/** The statement of a Query or Parse message. */
export function statementOf({ type, bytes }: WireMessage): string {
  const texts = bytes.toString('utf8', 1 + LENGTH_BYTES).split('\0');
  // A Parse begins with the name of the prepared statement.
  return (type === 'P' ? texts[1] : texts[0]) ?? '';
}

export function queryMessage(sql: string): Buffer {
  return message('Q', `${sql}\0`);
}

/** An error after which the connection ends. */
export function fatalError(sqlState: string, text: string): Buffer {
  return message('E', `SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`);
}

function message(type: string, content: string): Buffer {
  const body = Buffer.from(content, 'utf8');
  const head = Buffer.alloc(1 + LENGTH_BYTES);
  head.write(type, 'latin1');
  head.writeUInt32BE(LENGTH_BYTES + body.length, 1);
  return Buffer.concat([head, body]);
}

/** What a pooler answers to a login that it accepts: AuthenticationOk, BackendKeyData with a key of its own, ReadyForQuery. */
export function loginAnswer(): Buffer {
  return Buffer.concat([message('R', '\0\0\0\0'), message('K', '\0\0\0\x01\0\0\0\x02'), message('Z', 'I')]);
}

/** The letter of a ReadyForQuery: `I` outside of a transaction. */
export function transactionStatus({ bytes }: WireMessage): string {
  return bytes.toString('latin1', 1 + LENGTH_BYTES);
}
