import { z } from 'zod';
import type { LoadType } from './columns.ts';
import type { TargetSnapshot } from './target-snapshot.ts';

/** PostgreSQL's text holds neither a NUL character nor an unpaired surrogate. */
const text = z.string().refine((given) => !given.includes('\0') && given.isWellFormed(), {
  error: 'contains a NUL character or an unpaired surrogate',
});
const name = text.min(1).max(63);
/** The name of a table, with its schema if the search path does not find it; either may be quoted. */
const table = text.min(1).max(131);
/** A name that becomes part of BigQuery names and of object prefixes. */
export const warehouseName = z
  .string()
  .regex(
    /^[A-Za-z_]\w{0,199}$/,
    'may contain only letters, digits and underscores, and must not begin with a digit',
  );

const contentTypeId = z.number().int().optional().meta({
  description: 'The content type id; the import looks it up and refuses a different one.',
  allowed: 'a whole number',
});

const childModels = z.array(
  z.strictObject({
    app_label: name.describe('The Django app of the inheriting model.'),
    model: name.describe('The inheriting Django model, in lower case as in the content types.'),
    content_type_id: contentTypeId,
  }),
);
const CHILD_MODELS = {
  description:
    'Models that inherit from the model (multi-table inheritance): Django logs their changes under their own content types.',
  allowed: 'a list of objects',
};

const lookup = z.strictObject({
  table: table.meta({
    description: 'The lookup table.',
    allowed: 'a name, or `schema.table`',
  }),
  app_label: name.describe('The Django app of its model.'),
  model: name.describe('The Django model, in lower case as in the content types.'),
  content_type_id: contentTypeId,
  child_models: childModels.optional().meta(CHILD_MODELS),
  column: name.describe('The foreign key column of the main table that points at the lookup table.'),
  references: name.optional().meta({
    description:
      'The column of the lookup table whose values the foreign key column holds (`to_field` in Django); otherwise what the foreign key in the database references, or the primary key.',
    allowed: 'a column of the lookup table',
  }),
  skip_untracked: z.boolean().optional().meta({
    description: 'The same for log rows of the lookup.',
    default: 'as for the view',
    allowed: '`true` or `false`',
  }),
  sets_null: z.boolean().optional().meta({
    description:
      'Whether a deleted row of the lookup may leave NULL in the foreign key column without a log row (`on_delete=SET_NULL`); a deletion then names all rows whose column is NULL.',
    default: '`true`',
    allowed: '`true` or `false`',
  }),
});

const foreignKey = z.strictObject({
  column: name.describe('The referencing column of the view.'),
  references: warehouseName.describe('The name of the referenced view source.'),
});

/**
 * A view source as the configuration file writes it; the names are those of the columns of etl.view_source. The descriptions
 * are the table of docs/configuration.md: after a change, run `npm run generate`.
 */
export const viewSourceEntry = z.strictObject({
  name: warehouseName.describe('The name of the source view.'),
  target_name: warehouseName.describe(
    'The name of the target table; temp table, procedure and reporting view are named after it.',
  ),
  main_table: table.meta({
    description: 'The table whose rows the view shows.',
    allowed: 'a name, or `schema.table`',
  }),
  app_label: name.describe('The Django app of the model of the main table.'),
  model: name.describe('The Django model of the main table, in lower case as in the content types.'),
  content_type_id: contentTypeId,
  child_models: childModels.default([]).meta(CHILD_MODELS),
  key_column: name.describe(
    'The column of the view that shows the primary key of the main table; unique and never NULL.',
  ),
  tracked_columns: z.array(name).default([]).meta({
    description:
      'Columns of the main table whose change matters, in addition to those that the view itself uses, if the view skips untracked columns.',
    allowed: 'columns of the main table, or their Django fields',
  }),
  skip_untracked: z.boolean().default(false).meta({
    description:
      'Whether to skip log rows that list no tracked column; safe only if the application saves with `update_fields` everywhere, since any other save also writes columns that its log row does not list.',
    allowed: '`true` or `false`',
  }),
  foreign_keys: z.array(foreignKey).default([]).meta({
    description:
      'References between targets; `npm run generate` writes them as a script, and the functions never declare them.',
    allowed: 'a list of objects',
  }),
  datetime_columns: z.array(name).default([]).meta({
    description: 'Columns of type text or timestamp that hold UTC times and become TIMESTAMP.',
    allowed: 'columns of the view',
  }),
  null_defaults: z
    .record(name, z.union([text, z.number(), z.boolean()]))
    .default({})
    .meta({
      description: 'Values that replace NULL in the target, by column.',
      allowed: 'a text, a number, `true` or `false` per column',
    }),
  unrepresentable: z
    .record(name, z.enum(['null', 'string']))
    .default({})
    .meta({
      description:
        'What happens to values that BigQuery cannot hold, by column: NULL instead, or the whole column as STRING; without a policy they stop the batch.',
      allowed: '`null` or `string` per column',
    }),
  null_arrays: z
    .record(name, z.enum(['empty', 'stop']))
    .default({})
    .meta({
      description:
        'What happens to an array that is NULL, which BigQuery cannot hold, by column: it arrives as an empty one and is counted, or it stops the batch. A column that `unrepresentable` makes a STRING keeps its NULL.',
      default: '`empty`',
      allowed: '`empty` or `stop` per column',
    }),
  omitted_columns: z.array(name).nullable().default(null).meta({
    description: 'Columns of the view that its target does not get; `[]` copies all.',
    default: '`["updated_at"]`',
    allowed: 'columns of the view',
  }),
  load_type: z
    .enum(['merge', 'bq-storage-api'])
    .describe('How batches are applied; locked from the first batch on.'),
  policy_tags: z
    .record(
      name,
      z
        .string()
        .regex(
          /^projects\/[^/\s]+\/locations\/[^/\s]+\/taxonomies\/[^/\s]+\/policyTags\/[^/\s]+$/,
          'must be projects/…/locations/…/taxonomies/…/policyTags/…, the resource name of a policy tag',
        ),
    )
    .default({})
    .meta({
      description:
        'Policy tags by column: only readers with the right to a tag see such a column of the target.',
      allowed: '`projects/…/locations/…/taxonomies/…/policyTags/…` per column',
    }),
  partition_column: name.nullable().default(null).meta({
    description: 'The column that partitions the target; it needs a granularity.',
    allowed: 'a date or time column of the view, `update_at`',
  }),
  partition_granularity: z
    .enum(['hour', 'day', 'month', 'year'])
    .nullable()
    .default(null)
    .describe('The size of a partition.'),
  cluster_columns: z.array(name).max(4).default([]).meta({
    description:
      'The columns that cluster the target after its key, which always comes first, so that a merge reads less.',
    allowed: 'up to 3 columns of the view, `update_at`',
  }),
  report_column: name.default('update_at').meta({
    description: 'The date of the five years that the reporting view shows; rows without a date are shown.',
    allowed: 'a date or time column of the view, `update_at`',
  }),
  recheck_seconds: z.number().int().min(0).default(0).meta({
    description:
      'Seconds after which the keys of a batch are fetched once more, where log rows can become visible before their data; 0 for never.',
    allowed: 'a whole number',
  }),
  max_deleted_share: z.number().min(0).max(1).default(0.5).meta({
    description:
      'The share of the rows of the target that a first load or a resync may delete, if these are more than 100; above it, or if all rows would be deleted, the view is halted.',
    allowed: 'a number from 0 to 1',
  }),
  lookups: z.array(lookup).default([]).meta({
    description: 'Tables whose changes show in rows of the view, such as a table of names.',
    allowed: 'a list of objects',
  }),
  view_changes: z.enum(['resync', 'halt']).default('resync').meta({
    description:
      'What happens when the view, or a view or function behind it, was replaced, or computes under other settings: the whole view is loaded again, or the view is halted.',
  }),
  column_changes: z.enum(['evolve', 'freeze']).default('evolve').meta({
    description:
      'What happens when the columns of the view have changed: its tables follow, by a new target where BigQuery cannot change the old one, and the view is loaded again where old rows need it; or the view is halted.',
  }),
  ignored_dependencies: z.array(table).default([]).meta({
    description:
      'Tables on which the view depends and whose changes need not be followed; any other must be the main table or a lookup.',
    allowed: 'names of tables, with or without a schema',
  }),
  daily_budget_bytes: z.number().int().min(1).nullable().default(null).meta({
    description:
      'Bytes that BigQuery may bill for the view within one UTC day; above it the view waits for the next day. Streaming and readers are not counted.',
    allowed: 'a whole number',
  }),
  auto_repair: z.boolean().default(false).meta({
    description: 'Whether a check of the view repairs what differs, unless its event says otherwise.',
    allowed: '`true` or `false`',
  }),
  max_repaired_share: z.number().min(0).max(1).default(0.1).meta({
    description:
      'The share of the rows of the view that a check may repair, if these are more than 100; above it a resync is advised.',
    allowed: 'a number from 0 to 1',
  }),
  max_check_bytes: z.number().int().min(1).nullable().default(null).meta({
    description: 'Bytes that one query of a check may read in BigQuery; above it the check is refused.',
    allowed: 'a whole number',
  }),
  enabled: z.boolean().default(true).meta({
    description: 'Whether ticks extract the view.',
    allowed: '`true` or `false`',
  }),
});

export type ViewSourceEntry = z.output<typeof viewSourceEntry>;

const importedEntry = viewSourceEntry
  .refine((entry) => (entry.partition_column === null) === (entry.partition_granularity === null), {
    error: 'must set both partition_column and partition_granularity, or neither',
  })
  .refine((entry) => entry.cluster_columns.filter((column) => column !== entry.key_column).length <= 3, {
    error: 'cluster_columns: BigQuery clusters by at most 4 columns, and the key is the first of them',
  })
  .superRefine(({ lookups }, context) => {
    const named = lookups.map(
      ({ table, column, app_label, model }) => `${app_label}.${model} of ${table} by ${column}`,
    );
    for (const each of new Set(named.filter((name, place) => named.indexOf(name) !== place))) {
      context.addIssue(`lookups: ${each} appears twice`);
    }
  });

/** The payload of `{"import": …}`: the content of a file such as sql/source/view-sources.json. */
export const viewSourceImport = z
  .array(importedEntry)
  .min(1)
  .superRefine((entries, context) => {
    for (const field of ['name', 'target_name'] as const) {
      const known = new Set<string>();
      for (const entry of entries) {
        if (known.has(entry[field])) context.addIssue(`${field} ${entry[field]} appears twice`);
        known.add(entry[field]);
      }
    }
  });

/** A table whose changes affect the view's rows that point at it, for example the company that a project belongs to. */
export type Lookup = {
  table: string;
  contentTypeId: number;
  /** The content types of the models that inherit from its model. */
  childTypeIds?: number[];
  /** The content types that its model had before; an application may log under them for a while. */
  formerTypeIds?: number[];
  column: string;
  /** The column of the lookup whose values `column` holds; unless given, the catalog says it. */
  references?: string;
  /** Unless given, as for the view. */
  skipUntracked?: boolean;
  /** Whether `column` may become NULL without a log row when a row of the lookup is deleted; unless given, it may. */
  setsNull?: boolean;
};

/** One configured source view and its destination (etl.view_source). */
export type ViewSource = {
  name: string;
  targetName: string;
  mainTable: string;
  contentTypeId: number;
  /** The content types of the models that inherit from the main table's model. */
  childTypeIds: number[];
  /** The content types that the main table's model had before; an application may log under them for a while. */
  formerTypeIds: number[];
  /** The `app_label.model` of each content type id in use, as it was when the view source was imported. */
  contentTypeNames: Record<string, string>;
  keyColumn: string;
  trackedColumns: string[];
  skipUntracked: boolean;
  foreignKeys: { column: string; references: string }[];
  datetimeColumns: string[];
  nullDefaults: Record<string, string | number | boolean>;
  unrepresentable: Record<string, 'null' | 'string'>;
  nullArrays: Record<string, 'empty' | 'stop'>;
  /** Null if the import did not say (`omittedColumnsOf`). */
  omittedColumns: string[] | null;
  /** The policy tag of each tagged column. */
  policyTags: Record<string, string>;
  loadType: LoadType;
  partition: { column: string; granularity: 'hour' | 'day' | 'month' | 'year' } | null;
  clusterColumns: string[];
  reportColumn: string;
  recheckSeconds: number;
  /** The share of the target's rows that a complete batch may delete (shared/batch/delete-limit.ts). */
  maxDeletedShare: number;
  lookups: Lookup[];
  /** What happens when the definition of the view has changed. */
  viewChanges: 'resync' | 'halt';
  /** What happens when the columns of the view have changed. */
  columnChanges: 'evolve' | 'freeze';
  /** Tables on which the view depends and whose changes need not be followed. */
  ignoredDependencies: string[];
  /** Whether a check repairs what differs, unless its event says otherwise. */
  autoRepair: boolean;
  /** The share of the view's rows that a check may repair. */
  maxRepairedShare: number;
  /** Bytes that one query of a check may read; null for no limit. */
  maxCheckBytes: bigint | null;
  /** Whether the operator wants the view to be replicated. */
  enabled: boolean;
  /** Whether the operator has stopped the view for the time being. */
  paused: boolean;
  /** The reason why the system has stopped the view; null if it has not. */
  haltedReason: string | null;
  /** When an operator requested that the next batch carries the whole view; null if it carries only changes. */
  resyncRequestedAt: Date | null;
  /** Whether the system requested the resync, since the view was replaced. */
  resyncBySystem: boolean;
  /** Whether that operator accepts that the batch deletes any number of rows. */
  acceptsDeletes: boolean;
  /** What a capture could not find row by row, so that only a resync repairs the target; null if there is nothing. */
  resyncAdvice: string | null;
  /** Identifies the BigQuery objects that were last created for it; null before the first extract. */
  warehouseFingerprint: string | null;
  /** A hash of its reporting view's query, as BigQuery answered it after the view was last made; null if that is not known. */
  reportingViewHash: string | null;
  /** What the last batch left; null if that is not known. */
  targetSnapshot: TargetSnapshot | null;
  /** When an extract that had nothing to do last looked at its tables, or when they were made; null if neither happened. */
  targetCheckedAt: Date | null;
  /** The policy tags that were last set on its target. */
  appliedPolicyTags: Record<string, string>;
  /** Names the job that makes the rows of the target follow a new clustering; null when they do. */
  rewriteId: string | null;
  /** The columns that the view has had since its target was created. */
  knownColumns: string[];
  /** Columns of the target that had no values in old rows when extract last prepared a batch. */
  unfilledColumns: string[];
};

/** In most applications the time at which a row was saved: a target has `update_at` for that. */
const OMITTED_BY_DEFAULT: readonly string[] = ['updated_at'];

/** The columns of a view that its target does not get. The view need not have those that are omitted by default. */
export function omittedColumnsOf({
  omittedColumns,
}: Pick<ViewSource, 'omittedColumns'>): ReadonlySet<string> {
  return new Set(omittedColumns ?? OMITTED_BY_DEFAULT);
}

/** Why the view is not extracted at present; null if it is. */
export function stopReason({ enabled, paused, haltedReason }: ViewSource): string | null {
  if (!enabled) return 'not enabled';
  if (paused) return 'paused';
  if (haltedReason !== null) return `halted: ${haltedReason}`;
  return null;
}
