/** The remainder of every byte for the bit-reversed Castagnoli polynomial (RFC 3720, appendix B.4). */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  }
  return remainder;
});

/**
 * Returns the CRC-32C of bytes as an unsigned number. Node only has CRC-32, and using the one of Google's storage client would load that
 * client into functions that do not need it.
 */
export function crc32c(bytes: Uint8Array): number {
  const state = bytes.reduce(
    (before, byte) => (before >>> 8) ^ (REMAINDERS[(before ^ byte) & 0xff] ?? 0),
    0xffffffff,
  );
  return ~state >>> 0;
}
