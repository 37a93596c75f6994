/** The remainder of each byte for the Castagnoli polynomial, bit-reversed (RFC 3720, appendix B.4). */
const REMAINDERS = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

/**
 * A running CRC-32C. This is own code because the one that Google's client exports is several times slower, so that a benchmark of uploads
 * would measure it; and because a checker should not share code with what it checks.
 */
export class Crc32c {
  #state = -1;

  update(chunk: Uint8Array): void {
    let state = this.#state;
    for (let index = 0; index < chunk.length; index++) {
      state = (REMAINDERS[(state ^ (chunk[index] ?? 0)) & 0xff] ?? 0) ^ (state >>> 8);
    }
    this.#state = state;
  }

  /** The value so far, big-endian and base64: https://cloud.google.com/storage/docs/data-validation */
  base64(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(~this.#state);
    return bytes.toString('base64');
  }
}
