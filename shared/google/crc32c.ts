/** Remainders of every byte for the Castagnoli polynomial, bit-reversed (RFC 3720, appendix B.4). */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  }
  return remainder;
});

/**
 * The CRC-32C of bytes, as an unsigned number. Node has CRC-32 only, and the one of Google's storage client would load that
 * client where nothing is stored.
 */
export function crc32c(bytes: Uint8Array): number {
  const state = bytes.reduce(
    (before, byte) => (before >>> 8) ^ (REMAINDERS[(before ^ byte) & 0xff] ?? 0),
    0xffffffff,
  );
  return ~state >>> 0;
}
