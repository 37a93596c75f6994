const SIGN = 0x80;

/**
 * Whether keys come in strictly ascending order, which proves that each is there once, however many there are. PostgreSQL's binary forms of integers, but for
 * their sign, of uuids and of texts in UTF-8 are in the order of their bytes.
 */
export class KeyOrder {
  /** False from the first key on that does not follow the one before, or is NULL. */
  isAscending = true;
  readonly #isSigned: boolean;
  #last = Buffer.alloc(0);
  #lastLength = -1;

  constructor(isSigned: boolean) {
    this.#isSigned = isSigned;
  }

  add(buffer: Buffer, from: number, length: number): void {
    if (!this.isAscending) return;
    if (this.#lastLength >= 0 && !this.#isAbove(buffer, from, length)) {
      this.isAscending = false;
      return;
    }
    if (this.#last.length < length) this.#last = Buffer.alloc(length * 2);
    for (let i = 0; i < length; i += 1) this.#last[i] = buffer[from + i] as number;
    this.#lastLength = length;
  }

  addNull(): void {
    this.isAscending = false;
  }

  #isAbove(buffer: Buffer, from: number, length: number): boolean {
    const last = this.#last;
    const common = Math.min(length, this.#lastLength);
    for (let i = 0; i < common; i += 1) {
      const difference = (buffer[from + i] as number) - (last[i] as number);
      if (difference !== 0) {
        const areSignsUnlike =
          i === 0 && this.#isSigned && (((buffer[from] as number) ^ (last[0] as number)) & SIGN) !== 0;
        return areSignsUnlike ? difference < 0 : difference > 0;
      }
    }
    return length > this.#lastLength;
  }
}
