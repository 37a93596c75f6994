import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

/** Level 1 costs least of the time, and hardly compresses less than the next ones (docs/decisions.md). */
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * Node decompresses in pieces, of 16 kB unless told otherwise, and each takes a turn of another thread. A block of rows, which has
 * half a megabyte and a row, is one piece: a quarter of the CPU of reading a batch was for the others.
 */
const PIECE_BYTES = 640 * 1024;

const compressed = promisify(zstdCompress);
const decompressed = promisify(zstdDecompress);

export const compress = (bytes: Buffer): Promise<Buffer> => compressed(bytes, FASTEST);
export const decompress = (bytes: Buffer): Promise<Buffer> => decompressed(bytes, { chunkSize: PIECE_BYTES });
