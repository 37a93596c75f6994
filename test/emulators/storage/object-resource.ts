import * as z from 'zod';

/** What a caller may say about an object; everything else in a request is ignored, as Cloud Storage does. */
export const ObjectProperties = z.object({
  contentType: z.string().optional(),
  contentEncoding: z.string().optional(),
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
  md5Hash: z.string().optional(),
  crc32c: z.string().optional(),
});
export type ObjectInsert = z.infer<typeof ObjectInsert>;

/** The body of a patch: null takes a property away, and a null in `metadata` takes one entry away. */
export const ObjectPatch = z.object({
  contentType: z.string().nullish(),
  contentEncoding: z.string().nullish(),
  contentDisposition: z.string().nullish(),
  contentLanguage: z.string().nullish(),
  cacheControl: z.string().nullish(),
  customTime: z.string().nullish(),
  metadata: z.record(z.string(), z.string().nullable()).nullish(),
});
export type ObjectPatch = z.infer<typeof ObjectPatch>;

/** One generation of an object as it is kept on disk: what Cloud Storage answers, without the links. */
export const StoredObject = ObjectProperties.extend({
  bucket: z.string(),
  name: z.string(),
  /** A decimal number, higher than that of any generation before. */
  generation: z.string(),
  metageneration: z.string(),
  size: z.string(),
  /** Absent where the object was composed. */
  md5Hash: z.string().optional(),
  crc32c: z.string(),
  componentCount: z.number().optional(),
  timeCreated: z.string(),
  updated: z.string(),
});
export type StoredObject = z.infer<typeof StoredObject>;

/** The object as the JSON API answers it; `baseUrl` is the server's own. */
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

/** Changes with the content and with the metadata. */
export function entityTag(object: StoredObject): string {
  return Buffer.from(`${object.generation}/${object.metageneration}`).toString('base64');
}

/** Merges a patch into the properties of an object. */
export function patchedProperties(properties: ObjectProperties, patch: ObjectPatch): ObjectProperties {
  const metadata = patch.metadata === null ? {} : withoutNulls({ ...properties.metadata, ...patch.metadata });
  const { metadata: _previous, ...texts } = properties;
  const { metadata: _change, ...changes } = patch;
  return ObjectProperties.parse({
    ...withoutNulls({ ...texts, ...changes }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  });
}

function withoutNulls<T>(record: Record<string, T | null | undefined>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).filter(
      (entry): entry is [string, T] => entry[1] !== null && entry[1] !== undefined,
    ),
  );
}
