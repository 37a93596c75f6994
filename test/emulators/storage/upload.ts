import { type ObjectInsert, ObjectProperties, type StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { type Content, PendingContent } from './pending-content.ts';
import { demand, type Preconditions } from './preconditions.ts';
import { invalid } from './storage-error.ts';

/** Checksums, base64, that a caller says the content has. */
export interface Checksums {
  readonly md5Hash?: string | undefined;
  readonly crc32c?: string | undefined;
}

/** An object to be, as its uploader described it. */
export interface Upload {
  readonly bucket: string;
  readonly name: string;
  readonly properties: ObjectProperties;
  readonly checksums: Checksums;
  readonly preconditions: Preconditions;
}

/** Throws 404, 400 or 412 where it is clear before any byte was read that the upload cannot succeed. */
export function describeUpload(
  store: ObjectStore,
  upload: { bucket: string; name: string | undefined; metadata: ObjectInsert; preconditions: Preconditions },
): Upload {
  const { bucket, metadata, preconditions } = upload;
  const name = upload.name ?? metadata.name;
  if (name === undefined || name === '') throw invalid('Required: name');
  if (Buffer.byteLength(name) > 1024) throw invalid('The name of an object has at most 1024 bytes.');
  demand(preconditions, store.find(bucket, name));
  const { md5Hash, crc32c } = metadata;
  return {
    bucket,
    name,
    properties: ObjectProperties.parse(metadata),
    checksums: { md5Hash, crc32c },
    preconditions,
  };
}

/** Reads the content to its end and makes it an object; a broken or refused upload leaves nothing behind. */
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

/** Throws 400 if the content is not what the uploader said it is. */
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

/** Reads the header `x-goog-hash: crc32c=…,md5=…`. */
export function checksumsOfHeader(header: string | undefined): Checksums {
  const value = (name: string) => new RegExp(`(?:^|,)\\s*${name}=([^,\\s]+)`).exec(header ?? '')?.[1];
  return { md5Hash: value('md5'), crc32c: value('crc32c') };
}
