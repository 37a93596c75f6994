import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { entityTag, type StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { demand, preconditionsOf } from './preconditions.ts';
import { queryText } from './query-text.ts';
import { StorageError } from './storage-error.ts';

/**
 * Sends the bytes of an object, or the range that the request asks for. A later change of the object does not disturb the answer:
 * https://cloud.google.com/storage/docs/consistency
 */
export async function download(
  store: ObjectStore,
  object: { bucket: string; name: string },
  request: Request,
  response: Response,
): Promise<void> {
  const stored = store.get(object.bucket, object.name, queryText(request, 'generation'));
  demand(preconditionsOf(request), stored);
  // The open file stays readable when another request deletes or replaces the object.
  await using file = await open(store.contentPath(stored));
  const size = Number(stored.size);
  const range = requestedRange(request, size);
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range) response.status(206).set('content-range', `bytes ${start}-${end}/${size}`);
  response.set({ ...downloadHeaders(stored), 'content-length': String(end - start + 1) });
  if (end < start) {
    response.end();
    return;
  }
  await pipeline(file.createReadStream({ start, end, autoClose: false }), response);
}

/**
 * A header that is no byte range is ignored (RFC 9110). @throws StorageError 416 where the object has no byte of the range:
 * https://cloud.google.com/storage/docs/json_api/v1/status-codes
 */
function requestedRange(request: Request, size: number): { start: number; end: number } | undefined {
  const ranges = request.range(size, { combine: true });
  if (ranges === -1)
    throw new StorageError(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable');
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return undefined;
  return ranges[0];
}

/** The client checks the bytes by `x-goog-hash`: https://cloud.google.com/storage/docs/xml-api/reference-headers */
function downloadHeaders(object: StoredObject): Record<string, string> {
  return {
    ...(object.cacheControl !== undefined && { 'cache-control': object.cacheControl }),
    ...(object.contentDisposition !== undefined && { 'content-disposition': object.contentDisposition }),
    ...(object.contentLanguage !== undefined && { 'content-language': object.contentLanguage }),
    'accept-ranges': 'bytes',
    'content-type': object.contentType ?? 'application/octet-stream',
    etag: entityTag(object),
    'last-modified': new Date(object.updated).toUTCString(),
    'x-goog-generation': object.generation,
    'x-goog-metageneration': object.metageneration,
    'x-goog-hash': `crc32c=${object.crc32c},md5=${object.md5Hash}`,
    'x-goog-storage-class': 'STANDARD',
    'x-goog-stored-content-encoding': 'identity',
    'x-goog-stored-content-length': object.size,
  };
}
