import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

// Node works in pieces of the result, of 16 kB unless told otherwise, and each takes a turn of another thread (docs/decisions.md).
/** A block of half a megabyte and its last row. */
const BLOCK_BYTES = 520 * 1024;
/** Most blocks become less. */
const COMPRESSED_BYTES = 128 * 1024;

/** Level 1 costs least of the time, and hardly compresses less than the next ones (docs/decisions.md). */
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: COMPRESSED_BYTES };

const compressed = promisify(zstdCompress);
const decompressed = promisify(zstdDecompress);

export const compress = (bytes: Buffer): Promise<Buffer> => compressed(bytes, FASTEST);
export const decompress = (bytes: Buffer): Promise<Buffer> => decompressed(bytes, { chunkSize: BLOCK_BYTES });
