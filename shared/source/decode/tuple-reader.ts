import { DataHubError } from '../../errors.ts';
import { COPY_DATA, MESSAGE_HEADER_BYTES } from '../../postgres/copy-messages.ts';

// The format of COPY … WITH (FORMAT binary): https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const FLAGS_BYTES = 4;
const LENGTH_BYTES = 4;
const COUNT_BYTES = 2;
/** Instead of a number of fields. */
const TRAILER = -1;
/** Instead of the length of a field. */
export const NULL_LENGTH = -1;

/**
 * Takes the messages of a binary COPY (`CopyMessages`) apart as their chunks arrive. The server sends each tuple in a message of its own
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY), the first one behind the header of the COPY. After `next` has returned
 * true, `buffer` holds a whole tuple, whose field `i` begins at `starts[i]` and has `lengths[i]` bytes, or NULL_LENGTH. Both are valid until the next call.
 */
export class TupleReader {
  buffer: Buffer = Buffer.alloc(0);
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly #fields: number;
  #at = 0;
  #hasHeader = false;
  #isEnded = false;
  /** Chunks that wait until a message that is larger than they are has arrived. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #neededBytes = 0;

  constructor(fields: number) {
    this.#fields = fields;
    this.starts = new Int32Array(fields);
    this.lengths = new Int32Array(fields);
  }

  /** Adds what has arrived. All tuples before it must have been read. */
  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    const rest = this.buffer.length - this.#at;
    // Joined once, however many chunks a large message spans.
    if (rest + this.#waitingBytes < this.#neededBytes) return;
    this.buffer =
      rest === 0 && this.#waiting.length === 1
        ? chunk
        : Buffer.concat([this.buffer.subarray(this.#at), ...this.#waiting]);
    this.#at = 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Moves to the next tuple. Returns false if more must arrive before. */
  next(): boolean {
    if (this.#waitingBytes > 0) return false;
    const { buffer } = this;
    for (;;) {
      const from = this.#at;
      if (from + MESSAGE_HEADER_BYTES > buffer.length) return this.#needs(MESSAGE_HEADER_BYTES);
      const end = from + 1 + readInt32(buffer, from + 1);
      if (end > buffer.length) return this.#needs(end - from);
      this.#at = end;
      if (buffer[from] === COPY_DATA && this.#readMessage(from + MESSAGE_HEADER_BYTES, end)) return true;
    }
  }

  /** Throws unless the COPY has come to its own end. */
  assertEnded(): void {
    if (!this.#isEnded) throw broken('it ended early');
  }

  /** Returns whether the message has a tuple. */
  #readMessage(from: number, end: number): boolean {
    const { buffer, starts, lengths } = this;
    let at = this.#hasHeader ? from : this.#readHeader(from, end);
    if (at === end) return false;
    const count = buffer.readInt16BE(at);
    at += COUNT_BYTES;
    if (count === TRAILER) {
      this.#isEnded = true;
      return false;
    }
    if (count !== this.#fields) throw broken(`a tuple has ${count} fields instead of ${this.#fields}`);
    for (let i = 0; i < count; i += 1) {
      const length = readInt32(buffer, at);
      at += LENGTH_BYTES;
      starts[i] = at;
      lengths[i] = length;
      if (length > 0) at += length;
    }
    if (at !== end) throw broken('a tuple is not as long as its message');
    return true;
  }

  /** Returns where the header ends. */
  #readHeader(from: number, end: number): number {
    const { buffer } = this;
    const fixed = from + SIGNATURE.length + FLAGS_BYTES + LENGTH_BYTES;
    if (fixed > end || buffer.compare(SIGNATURE, 0, SIGNATURE.length, from, from + SIGNATURE.length) !== 0)
      throw broken('it has another signature');
    this.#hasHeader = true;
    return fixed + buffer.readInt32BE(fixed - LENGTH_BYTES);
  }

  #needs(bytes: number): false {
    this.#neededBytes = bytes;
    return false;
  }
}

/** Inlined by V8, unlike the method of Buffer. */
const readInt32 = (buffer: Buffer, at: number): number =>
  ((buffer[at] as number) << 24) |
  ((buffer[at + 1] as number) << 16) |
  ((buffer[at + 2] as number) << 8) |
  (buffer[at + 3] as number);

const broken = (why: string): DataHubError =>
  new DataHubError('transient', `source database: the rows of a COPY cannot be read: ${why}`);
