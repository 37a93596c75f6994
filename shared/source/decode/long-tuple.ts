import { brokenCopy } from './broken-copy.ts';

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
/** Of the key. A text is shown up to its hundredth character, and keys of other types are shorter. */
const KEY_BYTES = 1000;

/** Reads a tuple that is too long to be kept, as its chunks arrive, and keeps its key alone. Its fields have their lengths before them. */
export class LongTuple {
  /** The length of the tuple. */
  readonly bytes: number;
  /** The first bytes of the key; null if it is NULL. */
  key: Buffer | null = null;
  readonly #fields: number;
  readonly #keyField: number;
  #left: number;
  #hasCount = false;
  #field = -1;
  /** What is left of a field, or of what precedes the tuple. */
  #skipped: number;
  #number = 0;
  #numberBytes = COUNT_BYTES;

  /** @param before what precedes the tuple in its message */
  constructor(fields: number, keyField: number, bytes: number, before: number) {
    this.#fields = fields;
    this.#keyField = keyField;
    this.#left = bytes;
    this.#skipped = before;
    this.bytes = bytes - before;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  /** Reads the next bytes. Returns those that follow the tuple. */
  read(chunk: Buffer): Buffer {
    const end = Math.min(chunk.length, this.#left);
    for (let at = 0; at < end; ) {
      if (this.#skipped > 0) {
        const to = Math.min(end, at + this.#skipped);
        if (this.#field === this.#keyField) this.#keep(chunk.subarray(at, to));
        this.#skipped -= to - at;
        at = to;
      } else {
        this.#number = (this.#number << 8) | (chunk[at] as number);
        this.#numberBytes -= 1;
        at += 1;
        if (this.#numberBytes === 0) this.#begin(this.#number);
      }
    }
    this.#left -= end;
    const isEnded =
      this.#field === this.#fields - 1 && this.#skipped === 0 && this.#numberBytes === LENGTH_BYTES;
    if (this.#left === 0 && !isEnded) throw brokenCopy('a tuple is not as long as its message');
    return chunk.subarray(end);
  }

  /** Goes on after the number of fields, or the length of one. */
  #begin(number: number): void {
    this.#number = 0;
    this.#numberBytes = LENGTH_BYTES;
    if (!this.#hasCount) {
      this.#hasCount = true;
      if (number !== this.#fields)
        throw brokenCopy(`a tuple has ${number} fields instead of ${this.#fields}`);
      return;
    }
    this.#field += 1;
    if (number > 0) this.#skipped = number;
    if (number >= 0 && this.#field === this.#keyField) this.key = Buffer.alloc(0);
  }

  #keep(bytes: Buffer): void {
    const kept = this.key ?? Buffer.alloc(0);
    if (kept.length < KEY_BYTES) this.key = Buffer.concat([kept, bytes]).subarray(0, KEY_BYTES);
  }
}
