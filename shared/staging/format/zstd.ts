import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

/** Level 1 costs least of the time, and hardly compresses less than the next ones (docs/decisions.md). */
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const compressed = promisify(zstdCompress);

export const compress = (bytes: Buffer): Promise<Buffer> => compressed(bytes, FASTEST);
export const decompress = promisify(zstdDecompress);
