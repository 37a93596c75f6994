import { DataHubError } from '../../errors.ts';

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
 * Takes a binary COPY apart as its chunks arrive. After `next` has returned true, `buffer` holds a whole tuple, whose field `i` begins at `starts[i]`
 * and has `lengths[i]` bytes, or NULL_LENGTH. Both are valid until the next call.
 */
export class TupleReader {
  buffer: Buffer = Buffer.alloc(0);
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly #fields: number;
  #at = 0;
  #hasHeader = false;
  #isEnded = false;
  /** Chunks that wait until a tuple that is larger than they are has arrived. */
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
    // Joined once, however many chunks a large value spans.
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
    if (this.#waitingBytes > 0 || this.#isEnded) return false;
    if (!this.#hasHeader && !this.#readHeader()) return false;
    const { buffer, starts, lengths } = this;
    const end = buffer.length;
    let at = this.#at;
    if (at + COUNT_BYTES > end) return this.#needs(COUNT_BYTES);
    const count = buffer.readInt16BE(at);
    at += COUNT_BYTES;
    if (count === TRAILER) {
      this.#isEnded = true;
      return false;
    }
    if (count !== this.#fields) throw broken(`a tuple has ${count} fields instead of ${this.#fields}`);
    for (let i = 0; i < count; i += 1) {
      if (at + LENGTH_BYTES > end) return this.#needs(at + LENGTH_BYTES - this.#at);
      const length =
        ((buffer[at] as number) << 24) |
        ((buffer[at + 1] as number) << 16) |
        ((buffer[at + 2] as number) << 8) |
        (buffer[at + 3] as number);
      at += LENGTH_BYTES;
      starts[i] = at;
      lengths[i] = length;
      if (length > 0) {
        at += length;
        if (at > end) return this.#needs(at - this.#at);
      }
    }
    this.#at = at;
    this.#neededBytes = 0;
    return true;
  }

  /** Throws unless the COPY has come to its own end. */
  assertEnded(): void {
    if (!this.#isEnded) throw broken('it ended early');
  }

  #readHeader(): boolean {
    const fixed = SIGNATURE.length + FLAGS_BYTES + LENGTH_BYTES;
    if (this.buffer.length < fixed) return this.#needs(fixed);
    if (!this.buffer.subarray(0, SIGNATURE.length).equals(SIGNATURE))
      throw broken('it has another signature');
    const extension = this.buffer.readInt32BE(SIGNATURE.length + FLAGS_BYTES);
    if (this.buffer.length < fixed + extension) return this.#needs(fixed + extension);
    this.#at = fixed + extension;
    this.#hasHeader = true;
    return true;
  }

  #needs(bytes: number): false {
    this.#neededBytes = bytes;
    return false;
  }
}

const broken = (why: string): DataHubError =>
  new DataHubError('transient', `source database: the rows of a COPY cannot be read: ${why}`);
