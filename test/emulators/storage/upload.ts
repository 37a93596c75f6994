import { type ObjectInsert, ObjectProperties, type StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { type Content, PendingContent } from './pending-content.ts';
import { demand, type Preconditions } from './preconditions.ts';
import { invalid, unsupported } from './storage-error.ts';

/** Checksums that the uploader expects, as base64: https://cloud.google.com/storage/docs/data-validation */
export interface Checksums {
  readonly md5Hash?: string | undefined;
  readonly crc32c?: string | undefined;
}

/** A future object, as its uploader describes it. */
export interface Upload {
  readonly bucket: string;
  readonly name: string;
  readonly properties: ObjectProperties;
  readonly checksums: Checksums;
  readonly preconditions: Preconditions;
}

/** @throws StorageError 404, 400 or 412 if the upload cannot succeed, before any byte of it is read. */
export function describeUpload(
  store: ObjectStore,
  upload: { bucket: string; name: string | undefined; metadata: ObjectInsert; preconditions: Preconditions },
): Upload {
  const { bucket, metadata, preconditions } = upload;
  const name = upload.name ?? metadata.name;
  if (name === undefined || name === '') throw invalid('Required: name');
  // https://cloud.google.com/storage/docs/objects#naming
  if (Buffer.byteLength(name) > 1024) throw invalid('The name of an object has at most 1024 bytes.');
  demand(preconditions, store.find(bucket, name));
  const { contentEncoding, md5Hash, crc32c } = metadata;
  // Cloud Storage unpacks such an object for some clients: https://cloud.google.com/storage/docs/transcoding
  if (contentEncoding !== undefined) throw unsupported('objects with a content encoding');
  return {
    bucket,
    name,
    properties: ObjectProperties.parse(metadata),
    checksums: { md5Hash, crc32c },
    preconditions,
  };
}

/** Reads the content to its end, then makes it an object. A broken or refused upload leaves nothing behind. */
export async function receiveWhole(
  store: ObjectStore,
  upload: Upload,
  chunks: AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const pending = await PendingContent.create(store.uploadFolder);
  try {
    await pending.append(chunks);
    return insertVerified(store, upload, await pending.finish());
  } catch (error) {
    await pending.discard();
    throw error;
  }
}

/** @throws StorageError 400 if a checksum differs from the expected one: https://cloud.google.com/storage/docs/data-validation */
export function insertVerified(store: ObjectStore, upload: Upload, content: Content): StoredObject {
  for (const checksum of ['md5Hash', 'crc32c'] as const) {
    const expected = upload.checksums[checksum];
    if (expected !== undefined && expected !== content[checksum]) {
      throw invalid(
        `Provided ${checksum} "${expected}" doesn't match calculated ${checksum} "${content[checksum]}".`,
      );
    }
  }
  return store.insert(upload, content, upload.preconditions);
}

/** Reads the header `x-goog-hash: crc32c=…,md5=…`: https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash */
export function checksumsOfHeader(header: string | undefined): Checksums {
  const value = (name: string) => new RegExp(`(?:^|,)\\s*${name}=([^,\\s]+)`).exec(header ?? '')?.[1];
  return { md5Hash: value('md5'), crc32c: value('crc32c') };
}
