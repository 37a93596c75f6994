import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

/** Level 1 costs least of the time, and hardly compresses less than the next ones (docs/decisions.md). */
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * Node decompresses in pieces, of 16 kB unless told otherwise, and each takes a turn of another thread. A block of half a megabyte and its last
 * row are one piece: a sixth of the CPU of a stream was for the others (docs/decisions.md).
 */
const PIECE_BYTES = 520 * 1024;

const compressed = promisify(zstdCompress);
const decompressed = promisify(zstdDecompress);

export const compress = (bytes: Buffer): Promise<Buffer> => compressed(bytes, FASTEST);
export const decompress = (bytes: Buffer): Promise<Buffer> => decompressed(bytes, { chunkSize: PIECE_BYTES });
