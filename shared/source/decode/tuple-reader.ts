import { COPY_DATA, MESSAGE_HEADER_BYTES } from '../../postgres/copy-messages.ts';
import { brokenCopy } from './broken-copy.ts';
import { LongTuple } from './long-tuple.ts';

// The format of COPY … WITH (FORMAT binary): https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const FLAGS_BYTES = 4;
const LENGTH_BYTES = 4;
const HEADER_BYTES = SIGNATURE.length + FLAGS_BYTES + LENGTH_BYTES;
const COUNT_BYTES = 2;
/** Instead of a number of fields. */
const TRAILER = -1;
/** Instead of the length of a field. */
export const NULL_LENGTH = -1;

/** A buffer for so large a message is used again. */
const LARGE_BYTES = 1_000_000;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Takes the messages of a binary COPY (`CopyMessages`) apart as their chunks arrive. The server sends each tuple in a message of its own
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY), the first one behind the header of the COPY. After `next` has returned
 * true, `buffer` holds a whole tuple, whose field `i` begins at `starts[i]` and has `lengths[i]` bytes, or NULL_LENGTH. Both are valid until the next call.
 * Of a tuple that is longer than the maximum it keeps the beginning of the key alone: all other fields are then NULL, and `longBytes` is its length.
 */
export class TupleReader {
  buffer: Buffer = NOTHING;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** The length of a tuple that is too long; 0 for any other. */
  longBytes = 0;
  readonly #fields: number;
  readonly #keyField: number;
  readonly #maxBytes: number;
  #at = 0;
  #hasHeader = false;
  #isEnded = false;
  /** How many bytes of `buffer` have not arrived: it then has the size of one message. */
  #missingBytes = 0;
  /** For messages of more than LARGE_BYTES. */
  #large: Buffer = NOTHING;
  /** What has arrived behind `buffer`. */
  #after: Buffer = NOTHING;
  /** The tuple that is arriving, if it is too long. */
  #long: LongTuple | null = null;

  constructor(fields: number, keyField: number, maxBytes: number) {
    this.#fields = fields;
    this.#keyField = keyField;
    this.#maxBytes = maxBytes;
    this.starts = new Int32Array(fields);
    this.lengths = new Int32Array(fields);
  }

  /** The bytes that are kept. */
  get keptBytes(): number {
    return this.buffer.length + this.#after.length;
  }

  /** Adds what has arrived. All tuples before it must have been read. */
  push(chunk: Buffer): void {
    if (this.#long !== null) this.#after = this.#long.read(chunk);
    else if (this.#missingBytes > 0) this.#fill(chunk);
    else {
      this.buffer = chunk;
      this.#at = 0;
    }
  }

  /** Moves to the next tuple. Returns false if more must arrive before. */
  next(): boolean {
    for (;;) {
      if (this.#long !== null) return this.#takeLong(this.#long);
      if (this.#missingBytes > 0) return false;
      const { buffer } = this;
      const from = this.#at;
      if (from === buffer.length) {
        if (this.#after.length === 0) return false;
        this.push(this.#after);
        this.#after = NOTHING;
        continue;
      }
      if (from + MESSAGE_HEADER_BYTES > buffer.length) {
        this.#gather(MESSAGE_HEADER_BYTES);
        continue;
      }
      const bytes = 1 + readInt32(buffer, from + 1);
      const isData = buffer[from] === COPY_DATA;
      if (isData && bytes - MESSAGE_HEADER_BYTES > this.#maxBytes) this.#beginLong(bytes);
      else if (from + bytes > buffer.length) this.#gather(bytes);
      else {
        this.#at = from + bytes;
        if (isData && this.#readMessage(from + MESSAGE_HEADER_BYTES, from + bytes)) return true;
      }
    }
  }

  /** Throws unless the COPY has come to its own end. */
  assertEnded(): void {
    if (!this.#isEnded) throw brokenCopy('it ended early');
  }

  /** Returns whether the message has a tuple. */
  #readMessage(from: number, end: number): boolean {
    const { buffer, starts, lengths } = this;
    this.longBytes = 0;
    let at = this.#hasHeader ? from : this.#readHeader(from, end);
    if (at === end) return false;
    const count = buffer.readInt16BE(at);
    at += COUNT_BYTES;
    if (count === TRAILER) {
      this.#isEnded = true;
      return false;
    }
    if (count !== this.#fields) throw brokenCopy(`a tuple has ${count} fields instead of ${this.#fields}`);
    for (let i = 0; i < count; i += 1) {
      const length = readInt32(buffer, at);
      at += LENGTH_BYTES;
      starts[i] = at;
      lengths[i] = length;
      if (length > 0) at += length;
    }
    if (at !== end) throw brokenCopy('a tuple is not as long as its message');
    return true;
  }

  /** Returns where the header ends. */
  #readHeader(from: number, end: number): number {
    const { buffer } = this;
    const fixed = from + HEADER_BYTES;
    if (fixed > end || buffer.compare(SIGNATURE, 0, SIGNATURE.length, from, from + SIGNATURE.length) !== 0)
      throw brokenCopy('it has another signature');
    this.#hasHeader = true;
    return fixed + buffer.readInt32BE(fixed - LENGTH_BYTES);
  }

  /** Makes a buffer for the next so many bytes, however many chunks they span: they are copied once. */
  #gather(bytes: number): void {
    const rest = this.buffer.subarray(this.#at);
    const after = this.#after;
    this.buffer = bytes > LARGE_BYTES ? this.#largeBuffer(bytes) : Buffer.allocUnsafe(bytes);
    this.#at = 0;
    this.#missingBytes = bytes;
    this.#fill(rest);
    if (after.length > 0) this.#fill(after);
  }

  /** The same one again if it is large enough: V8 lets many dead ones pile up. */
  #largeBuffer(bytes: number): Buffer {
    if (this.#large.length < bytes) this.#large = Buffer.allocUnsafe(bytes);
    return this.#large.subarray(0, bytes);
  }

  #fill(chunk: Buffer): void {
    const from = this.buffer.length - this.#missingBytes;
    const copied = chunk.copy(this.buffer, from);
    this.#missingBytes -= copied;
    this.#after = chunk.subarray(copied);
  }

  /** Begins to read a tuple that is too long. Its message has so many bytes. */
  #beginLong(bytes: number): void {
    const from = this.#at + MESSAGE_HEADER_BYTES;
    if (!this.#hasHeader && from + HEADER_BYTES > this.buffer.length) {
      this.#gather(MESSAGE_HEADER_BYTES + HEADER_BYTES);
      return;
    }
    const end = this.#at + bytes;
    const before = this.#hasHeader ? 0 : this.#readHeader(from, end) - from;
    const long = new LongTuple(this.#fields, this.#keyField, end - from, before);
    const rest = long.read(this.buffer.subarray(from));
    this.#long = long;
    this.buffer = NOTHING;
    this.#at = 0;
    this.#after = rest.length > 0 ? rest : long.read(this.#after);
  }

  /** Puts the key of a long tuple into the place of a tuple. Returns false if more of it must arrive. */
  #takeLong(long: LongTuple): boolean {
    if (!long.isWhole) return false;
    this.#long = null;
    this.longBytes = long.bytes;
    this.buffer = long.key ?? NOTHING;
    this.#at = this.buffer.length;
    this.lengths.fill(NULL_LENGTH);
    this.starts.fill(0);
    if (long.key !== null) this.lengths[this.#keyField] = long.key.length;
    return true;
  }
}

/** Inlined by V8, unlike the method of Buffer. */
const readInt32 = (buffer: Buffer, at: number): number =>
  ((buffer[at] as number) << 24) |
  ((buffer[at + 1] as number) << 16) |
  ((buffer[at + 2] as number) << 8) |
  (buffer[at + 3] as number);
