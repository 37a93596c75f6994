import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { entityTag, type StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { demand, preconditionsOf } from './preconditions.ts';
import { queryText } from './query-text.ts';
import { StorageError } from './storage-error.ts';

/**
 * Sends an object's bytes, or the range asked for. Bytes stored as gzip are sent as they are stored to a client that
 * accepts gzip, and otherwise unpacked, whole, without a length, as Cloud Storage's transcoding does.
 */
export async function download(
  store: ObjectStore,
  object: { bucket: string; name: string },
  request: Request,
  response: Response,
): Promise<void> {
  const stored = store.get(object.bucket, object.name, queryText(request, 'generation'));
  demand(preconditionsOf(request), stored, true);
  // From here on the file is open: whoever deletes or replaces the object does not disturb this answer.
  await using file = await open(store.contentPath(stored));
  response.set(downloadHeaders(stored));

  if (stored.contentEncoding === 'gzip' && !request.acceptsEncodings('gzip')) {
    response.removeHeader('content-encoding');
    await pipeline(file.createReadStream(), createGunzip(), response);
    return;
  }

  const size = Number(stored.size);
  const range = requestedRange(request, size);
  if (range) {
    response.status(206).set('content-range', `bytes ${range.start}-${range.end}/${size}`);
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.set('content-length', String(end - start + 1));
  if (end < start) {
    response.end();
    return;
  }
  await pipeline(file.createReadStream({ start, end, autoClose: false }), response);
}

/** Throws 416 where no byte of the range exists; a header that is no byte range is ignored, as RFC 9110 wants. */
function requestedRange(request: Request, size: number): { start: number; end: number } | undefined {
  const ranges = request.range(size, { combine: true });
  if (ranges === -1)
    throw new StorageError(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable');
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return undefined;
  return ranges[0];
}

function downloadHeaders(object: StoredObject): Record<string, string> {
  const optional = {
    'cache-control': object.cacheControl,
    'content-disposition': object.contentDisposition,
    'content-encoding': object.contentEncoding,
    'content-language': object.contentLanguage,
  };
  return {
    ...Object.fromEntries(
      Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    'accept-ranges': 'bytes',
    'content-type': object.contentType ?? 'application/octet-stream',
    etag: entityTag(object),
    'last-modified': new Date(object.updated).toUTCString(),
    'x-goog-generation': object.generation,
    'x-goog-metageneration': object.metageneration,
    'x-goog-hash': [`crc32c=${object.crc32c}`, ...(object.md5Hash ? [`md5=${object.md5Hash}`] : [])].join(
      ',',
    ),
    'x-goog-storage-class': 'STANDARD',
    'x-goog-stored-content-encoding': object.contentEncoding ?? 'identity',
    'x-goog-stored-content-length': object.size,
  };
}
