import * as z from 'zod';

/**
 * The properties that a caller may set: https://cloud.google.com/storage/docs/metadata
 * The emulator ignores others, except `contentEncoding`, which would change what a download sends: see ObjectInsert.
 */
export const ObjectProperties = z.object({
  contentType: z.string().optional(),
  contentDisposition: z.string().optional(),
  contentLanguage: z.string().optional(),
  cacheControl: z.string().optional(),
  customTime: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});
export type ObjectProperties = z.infer<typeof ObjectProperties>;

/** The body of an insert: the properties, the name, and the checksums that the content must have. */
export const ObjectInsert = ObjectProperties.extend({
  name: z.string().optional(),
  contentEncoding: z.string().optional(),
  md5Hash: z.string().optional(),
  crc32c: z.string().optional(),
});
export type ObjectInsert = z.infer<typeof ObjectInsert>;

/** One generation of an object as it is kept on disk: what Cloud Storage answers, without the links. */
export const StoredObject = ObjectProperties.extend({
  bucket: z.string(),
  name: z.string(),
  /** A decimal number, higher than the number of any earlier generation. */
  generation: z.string(),
  metageneration: z.string(),
  size: z.string(),
  md5Hash: z.string(),
  crc32c: z.string(),
  timeCreated: z.string(),
  updated: z.string(),
});
export type StoredObject = z.infer<typeof StoredObject>;

/** https://cloud.google.com/storage/docs/json_api/v1/objects#resource; `baseUrl` is the address of the emulator. */
export function objectResource(object: StoredObject, baseUrl: string) {
  const path = `storage/v1/b/${object.bucket}/o/${encodeURIComponent(object.name)}`;
  return {
    kind: 'storage#object',
    id: `${object.bucket}/${object.name}/${object.generation}`,
    selfLink: `${baseUrl}/${path}`,
    mediaLink: `${baseUrl}/download/${path}?generation=${object.generation}&alt=media`,
    ...object,
    storageClass: 'STANDARD',
    etag: entityTag(object),
    timeStorageClassUpdated: object.timeCreated,
    timeFinalized: object.timeCreated,
  };
}

/** Changes with the generation. */
export function entityTag(object: StoredObject): string {
  return Buffer.from(`${object.generation}/${object.metageneration}`).toString('base64');
}
