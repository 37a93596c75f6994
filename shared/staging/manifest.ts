import { z } from 'zod';
import { BIG_QUERY_TYPES } from '../model/columns.ts';
import { STAGED_FORMATS, type StagedObject } from '../model/staged-format.ts';

const stagedObject: z.ZodType<StagedObject> = z.object({
  name: z.string(),
  rows: z.number(),
  bytes: z.number(),
  md5: z.string(),
});

const column = z.object({
  name: z.string(),
  type: z.enum(BIG_QUERY_TYPES),
  mode: z.enum(['REQUIRED', 'NULLABLE', 'REPEATED']),
});

const content = z.object({
  view: z.string(),
  etl_transaction_id: z.string(),
  columns: z.array(column),
  /** Release 0.2.0 had JSON lines alone. */
  format: z.enum(STAGED_FORMATS).default('ndjson'),
  codec: z.enum(['gzip', 'zstandard', 'zstd']).default('gzip'),
  /** The descriptor of the messages, where the objects hold protobuf; null otherwise. */
  descriptor: z.record(z.string(), z.unknown()).nullable().default(null),
  /**
   * Whether the rows have all columns of the target, for a load job straight into it. Releases that know lines of JSON alone look for it under another
   * name: they take the batch for lost, and capture its changes again, instead of reading another format as lines.
   */
  direct_load: z.boolean(),
  upserts: z.number(),
  deletes: z.number(),
  bytes: z.number(),
  objects: z.array(stagedObject),
});

/** Lists the objects that a batch staged. The manifest is written last, so a batch with a manifest is complete. */
export const manifest = z.preprocess(withNewNames, content);
export type Manifest = z.output<typeof content>;

/** Accepts the manifest of a batch that release 0.1.0 or 0.2.0 staged. */
function withNewNames(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if ('loads_as_is' in json) return { direct_load: json.loads_as_is, ...json };
  return 'is_direct_load' in json ? { direct_load: json.is_direct_load, ...json } : json;
}

/** Whether a manifest has a format or a codec that this release does not know: a later release has staged the batch. */
export function isOfLaterRelease(json: unknown): boolean {
  const { error } = manifest.safeParse(json);
  return (
    error?.issues.every(
      ({ path, code }) => code === 'invalid_value' && (path[0] === 'format' || path[0] === 'codec'),
    ) ?? false
  );
}
