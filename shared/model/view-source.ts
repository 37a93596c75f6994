import { z } from 'zod';
import type { LoadType } from './columns.ts';

/** PostgreSQL holds neither a NUL character nor half of a surrogate pair. */
const text = z
  .string()
  .refine((given) => !given.includes('\0') && given.isWellFormed(), { error: 'holds no valid text' });
const name = text.min(1).max(63);
/** Names that become parts of BigQuery names and of object prefixes. */
export const warehouseName = z
  .string()
  .regex(/^[A-Za-z_]\w{0,199}$/, 'may hold letters, digits and underscores only');

const lookup = z.strictObject({
  table: name,
  app_label: name,
  model: name,
  content_type_id: z.number().int().optional(),
  /** The main table's foreign key column that points at the lookup. */
  column: name,
});

/** A view source as the configuration file writes it; the names are those of the columns of etl.view_source. */
export const viewSourceEntry = z.strictObject({
  name: warehouseName,
  target_name: warehouseName,
  main_table: name,
  app_label: name,
  model: name,
  /** Looked up by app_label and model when it is imported; a number given here must agree. */
  content_type_id: z.number().int().optional(),
  key_column: name,
  tracked_columns: z.array(name).default([]),
  foreign_keys: z.array(z.strictObject({ column: name, references: warehouseName })).default([]),
  datetime_columns: z.array(name).default([]),
  null_defaults: z.record(name, z.union([text, z.number(), z.boolean()])).default({}),
  unrepresentable: z.record(name, z.enum(['null', 'string'])).default({}),
  load_type: z.enum(['merge', 'bq-storage-api']),
  partition_column: name.nullable().default(null),
  partition_granularity: z.enum(['hour', 'day', 'month', 'year']).nullable().default(null),
  cluster_columns: z.array(name).max(4).default([]),
  /** The date that the reporting view's five years are counted by. */
  report_column: name.default('update_at'),
  recheck_seconds: z.number().int().min(0).default(0),
  lookups: z.array(lookup).default([]),
  enabled: z.boolean().default(true),
});

export type ViewSourceEntry = z.output<typeof viewSourceEntry>;

const importedEntry = viewSourceEntry.refine(
  (entry) => (entry.partition_column === null) === (entry.partition_granularity === null),
  { error: 'needs both or neither of partition_column and partition_granularity' },
);

/** What `{"import": …}` takes: the content of sql/source/view-sources.json. */
export const viewSourceImport = z
  .array(importedEntry)
  .min(1)
  .superRefine((entries, context) => {
    for (const field of ['name', 'target_name'] as const) {
      const seen = new Set<string>();
      for (const entry of entries) {
        if (seen.has(entry[field])) context.addIssue(`${field} ${entry[field]} stands twice`);
        seen.add(entry[field]);
      }
    }
  });

export type Lookup = { table: string; contentTypeId: number; column: string };

/** One configured source view and where it goes (etl.view_source). */
export type ViewSource = {
  name: string;
  targetName: string;
  mainTable: string;
  contentTypeId: number;
  /** `app_label.model` of each content type id that is used, as it was when the configuration was imported. */
  contentTypeNames: Record<string, string>;
  keyColumn: string;
  trackedColumns: string[];
  foreignKeys: { column: string; references: string }[];
  datetimeColumns: string[];
  nullDefaults: Record<string, string | number | boolean>;
  unrepresentable: Record<string, 'null' | 'string'>;
  loadType: LoadType;
  partition: { column: string; granularity: 'hour' | 'day' | 'month' | 'year' } | null;
  clusterColumns: string[];
  reportColumn: string;
  recheckSeconds: number;
  lookups: Lookup[];
  /** The operator's wish. */
  enabled: boolean;
  /** The operator's stop for now. */
  paused: boolean;
  /** The system's stop, with its reason; null while it runs. */
  haltedReason: string | null;
  /** The next batch is to carry the whole view, since then; null for what changed. */
  resyncRequestedAt: Date | null;
  /** The warehouse objects that were last made for it; null before the first extract. */
  warehouseFingerprint: string | null;
};

/** Why a view is not extracted at present; null when it is. */
export function stopReason({ enabled, paused, haltedReason }: ViewSource): string | null {
  if (!enabled) return 'not enabled';
  if (paused) return 'paused';
  if (haltedReason !== null) return `halted: ${haltedReason}`;
  return null;
}
