import * as z from 'zod';

/**
 * The body of a bucket insert. The emulator keeps and returns every other property (lifecycle, labels, versioning …), and acts on none.
 * Names: https://cloud.google.com/storage/docs/buckets#naming
 */
export const BucketInsert = z.looseObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'Invalid bucket name'),
  location: z.string().default('US'),
});
export type BucketInsert = z.infer<typeof BucketInsert>;

export const StoredBucket = BucketInsert.extend({
  metageneration: z.string(),
  timeCreated: z.string(),
  updated: z.string(),
});
export type StoredBucket = z.infer<typeof StoredBucket>;

/** https://cloud.google.com/storage/docs/json_api/v1/buckets#resource; `baseUrl` is the address of the emulator. */
export function bucketResource(bucket: StoredBucket, baseUrl: string) {
  return {
    kind: 'storage#bucket',
    id: bucket.name,
    selfLink: `${baseUrl}/storage/v1/b/${bucket.name}`,
    projectNumber: '0',
    storageClass: 'STANDARD',
    locationType: /^(US|EU|ASIA)$/.test(bucket.location) ? 'multi-region' : 'region',
    etag: Buffer.from(bucket.metageneration).toString('base64'),
    ...bucket,
  };
}
