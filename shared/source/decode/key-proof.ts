const PAGE_KEYS = 65_536;
const WORD_BITS = 32;
/** Of 8 kB each: enough for 134 million neighbouring keys. */
const MAX_PAGES = 2048;
const HALF = 2 ** 32;
/** Of the high half of a safe integer. */
const SAFE_HIGH = 2 ** 21;

/** Finds out, while rows are copied, whether each has a key of its own, in bounded memory. */
export interface KeyProof {
  /** False as soon as that is not proved: a key is there twice or NULL, or there are too many to tell. */
  readonly isProven: boolean;
  /** The next key, in PostgreSQL's binary form. */
  add(buffer: Buffer, from: number, length: number): void;
  addNull(): void;
}

export const keyProof = (isInteger: boolean): KeyProof => (isInteger ? new KeyBits() : new KeyOrder());

/** A bit for each integer key that was there, in pages that are made where keys are: also of a table whose rows lie in another order. */
class KeyBits implements KeyProof {
  isProven = true;
  readonly #pages = new Map<number, Uint32Array>();
  #page: Uint32Array = new Uint32Array();
  #number = Number.NaN;

  add(buffer: Buffer, from: number, length: number): void {
    if (!this.isProven) return;
    const high = length === 8 ? buffer.readInt32BE(from) : 0;
    if (high >= SAFE_HIGH || high <= -SAFE_HIGH) {
      this.isProven = false;
      return;
    }
    const low = length === 8 ? buffer.readUInt32BE(from + 4) : buffer.readIntBE(from, length);
    const key = high * HALF + low;
    const number = Math.floor(key / PAGE_KEYS);
    if (number !== this.#number && !this.#turnTo(number)) return;
    const place = key - number * PAGE_KEYS;
    const word = place >>> 5;
    const bit = 1 << (place % WORD_BITS);
    const bits = this.#page[word] as number;
    if ((bits & bit) !== 0) this.isProven = false;
    this.#page[word] = bits | bit;
  }

  addNull(): void {
    this.isProven = false;
  }

  #turnTo(number: number): boolean {
    let page = this.#pages.get(number);
    if (page === undefined) {
      if (this.#pages.size === MAX_PAGES) {
        this.isProven = false;
        return false;
      }
      page = new Uint32Array(PAGE_KEYS / WORD_BITS);
      this.#pages.set(number, page);
    }
    this.#page = page;
    this.#number = number;
    return true;
  }
}

/** Keys in strictly ascending order are there once. The binary forms of uuids, and of texts in UTF-8, are in the order of their bytes. */
class KeyOrder implements KeyProof {
  isProven = true;
  #last = Buffer.alloc(0);
  #lastLength = -1;

  add(buffer: Buffer, from: number, length: number): void {
    if (!this.isProven) return;
    if (this.#lastLength >= 0 && !this.#isAbove(buffer, from, length)) {
      this.isProven = false;
      return;
    }
    if (this.#last.length < length) this.#last = Buffer.alloc(length * 2);
    buffer.copy(this.#last, 0, from, from + length);
    this.#lastLength = length;
  }

  addNull(): void {
    this.isProven = false;
  }

  #isAbove(buffer: Buffer, from: number, length: number): boolean {
    return buffer.compare(this.#last, 0, this.#lastLength, from, from + length) > 0;
  }
}
