import { z } from 'zod';
import { CHILD_MODELS_META, childModels, contentTypeId } from './django-model-entry.ts';
import { name, table, warehouseName } from './entry-names.ts';
import { lookupEntry } from './lookup-entry.ts';
import { text } from './text.ts';

const foreignKey = z.strictObject({
  column: name.meta({ description: 'The referencing column of the view.', examples: ['customer_id'] }),
  references: warehouseName.meta({
    description: 'The name of the referenced view source.',
    examples: ['shop_customer_report'],
  }),
});

/**
 * A view source as the configuration file writes it; the names are those of the columns of etl.view_source. The descriptions
 * are the table of docs/configuration.md and the JSON Schema of the file, and so are examples and effects (`Effect` of source-changes.ts, which a test
 * compares): after a change, run `npm run generate`.
 */
export const viewSourceEntry = z.strictObject({
  name: warehouseName.meta({
    description: 'The name of the source view.',
    examples: ['shop_order_report'],
    effects: ['locked'],
  }),
  target_name: warehouseName.meta({
    description: 'The name of the target table; temp table, procedure and reporting view are named after it.',
    examples: ['shop_order'],
    effects: ['locked'],
  }),
  main_table: table.meta({
    examples: ['shop_order'],
    effects: ['resync'],
    description: 'The table whose rows the view shows.',
    allowed: 'a name, or `schema.table`',
  }),
  app_label: name.meta({
    description: 'The Django app of the model of the main table.',
    examples: ['shop'],
    effects: ['resync'],
  }),
  model: name.meta({
    description: 'The Django model of the main table, in lower case as in the content types.',
    examples: ['order'],
    effects: ['resync'],
  }),
  content_type_id: contentTypeId,
  child_models: childModels.default([]).meta({
    ...CHILD_MODELS_META,
    examples: [[{ app_label: 'shop', model: 'giftorder' }]],
    effects: ['none', 'resync'],
  }),
  key_column: name.meta({
    description:
      'The column of the view that shows the primary key of the main table; unique and never NULL.',
    examples: ['order_id'],
    effects: ['locked'],
  }),
  tracked_columns: z
    .array(name)
    .default([])
    .meta({
      examples: [['status', 'total']],
      effects: ['none', 'resync'],
      description:
        'Columns of the main table whose change matters, in addition to those that the view itself uses, if the view skips untracked columns.',
      allowed: 'columns of the main table, or their Django fields',
    }),
  skip_untracked: z
    .boolean()
    .default(false)
    .meta({
      examples: [true],
      effects: ['none', 'resync'],
      description:
        'Whether to skip log rows that list no tracked column; safe only if the application saves with `update_fields` everywhere, since any other save also writes columns that its log row does not list.',
      allowed: '`true` or `false`',
    }),
  foreign_keys: z
    .array(foreignKey)
    .default([])
    .meta({
      examples: [[{ column: 'customer_id', references: 'shop_customer_report' }]],
      effects: ['none'],
      description:
        'References between targets; `npm run generate` writes them as a script, and the functions never declare them.',
      allowed: 'a list of objects',
    }),
  datetime_columns: z
    .array(name)
    .default([])
    .meta({
      examples: [['placed_at']],
      effects: ['none', 'new target'],
      description: 'Columns of type text or timestamp that hold UTC times and become TIMESTAMP.',
      allowed: 'columns of the view',
    }),
  null_defaults: z
    .record(name, z.union([text, z.number(), z.boolean()]))
    .default({})
    .meta({
      examples: [{ country: 'unknown' }],
      effects: ['resync'],
      description: 'Values that replace NULL in the target, by column.',
      allowed: 'a text, a number, `true` or `false` per column',
    }),
  unrepresentable: z
    .record(name, z.enum(['null', 'string']))
    .default({})
    .meta({
      examples: [{ total: 'null' }, { total: 'string' }],
      effects: ['resync', 'new target'],
      description:
        'What happens to values that BigQuery cannot hold, by column: NULL instead, or the whole column as STRING; without a policy they stop the batch.',
      allowed: '`null` or `string` per column',
    }),
  null_arrays: z
    .record(name, z.enum(['empty', 'stop']))
    .default({})
    .meta({
      examples: [{ tags: 'stop' }],
      effects: ['none'],
      description:
        'What happens to an array that is NULL, which BigQuery cannot hold, by column: it arrives as an empty one and is counted, or it stops the batch. A column that `unrepresentable` makes a STRING keeps its NULL.',
      default: '`empty`',
      allowed: '`empty` or `stop` per column',
    }),
  omitted_columns: z
    .array(name)
    .nullable()
    .default(null)
    .meta({
      examples: [['updated_at', 'remark']],
      effects: ['none', 'resync'],
      description: 'Columns of the view that its target does not get; `[]` copies all.',
      default: '`["updated_at"]`',
      allowed: 'columns of the view',
    }),
  load_type: z.enum(['merge', 'bq-storage-api']).meta({
    description: 'How batches are applied; locked from the first batch on.',
    examples: ['merge'],
    effects: ['locked'],
  }),
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
      examples: [
        {
          email: 'projects/my-project/locations/eu/taxonomies/1/policyTags/2',
        },
      ],
      effects: ['objects'],
      description:
        'Policy tags by column: only readers with the right to a tag see such a column of the target.',
      allowed: '`projects/…/locations/…/taxonomies/…/policyTags/…` per column',
    }),
  partition_column: name
    .nullable()
    .default(null)
    .meta({
      examples: ['placed_at'],
      effects: ['new target'],
      description: 'The column that partitions the target; it needs a granularity.',
      allowed: 'a date or time column of the view, `update_at`',
    }),
  partition_granularity: z
    .enum(['hour', 'day', 'month', 'year'])
    .nullable()
    .default(null)
    .meta({ description: 'The size of a partition.', examples: ['month'], effects: ['new target'] }),
  cluster_columns: z
    .array(name)
    .max(4)
    .default([])
    .meta({
      examples: [['customer_id']],
      effects: ['none', 'rewrite', 'new target'],
      description:
        'The columns that cluster the target after its key, which always comes first, so that a merge reads less.',
      allowed: 'up to 3 columns of the view, `update_at`',
    }),
  report_column: name.default('update_at').meta({
    examples: ['placed_at'],
    effects: ['objects'],
    description: 'The date of the five years that the reporting view shows; rows without a date are shown.',
    allowed: 'a date or time column of the view, `update_at`',
  }),
  recheck_seconds: z
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(0)
    .meta({
      examples: [60],
      effects: ['none'],
      description:
        'Seconds after which the keys of a batch are fetched once more, where log rows can become visible before their data; 0 for never.',
      allowed: 'a whole number up to 2147483647',
    }),
  max_deleted_share: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({
      examples: [0.2],
      effects: ['none'],
      description:
        'The share of the rows of the target that a first load or a resync may delete, if these are more than 100; above it, or if all rows would be deleted, the view is halted.',
      allowed: 'a number from 0 to 1',
    }),
  lookups: z
    .array(lookupEntry)
    .default([])
    .meta({
      examples: [[{ table: 'shop_customer', app_label: 'shop', model: 'customer', column: 'customer_id' }]],
      effects: ['none', 'resync'],
      description: 'Tables whose changes show in rows of the view, such as a table of names.',
      allowed: 'a list of objects',
    }),
  view_changes: z
    .enum(['resync', 'halt'])
    .default('resync')
    .meta({
      examples: ['halt'],
      effects: ['none'],
      description:
        'What happens when the view, or a view or function behind it, was replaced, or computes under other settings: the whole view is loaded again, or the view is halted.',
    }),
  column_changes: z
    .enum(['evolve', 'freeze'])
    .default('evolve')
    .meta({
      examples: ['freeze'],
      effects: ['none'],
      description:
        'What happens when the columns of the view have changed: its tables follow, by a new target where BigQuery cannot change the old one, and the view is loaded again where old rows need it; or the view is halted.',
    }),
  ignored_dependencies: z
    .array(table)
    .default([])
    .meta({
      examples: [['shop_currency']],
      effects: ['none'],
      description:
        'Tables on which the view depends and whose changes need not be followed; any other must be the main table or a lookup.',
      allowed: 'names of tables, with or without a schema',
    }),
  daily_budget_bytes: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .meta({
      examples: [50_000_000_000],
      effects: ['none'],
      description:
        'Bytes that BigQuery may bill for the view within one UTC day; above it the view waits for the next day. Streaming and readers are not counted.',
      allowed: 'a whole number',
    }),
  auto_repair: z
    .boolean()
    .default(false)
    .meta({
      examples: [true],
      effects: ['none'],
      description: 'Whether a check of the view repairs what differs, unless its event says otherwise.',
      allowed: '`true` or `false`',
    }),
  max_repaired_share: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .meta({
      examples: [0.05],
      effects: ['none'],
      description:
        'The share of the rows of the view that a check may repair, if these are more than 100; above it a resync is advised.',
      allowed: 'a number from 0 to 1',
    }),
  max_check_bytes: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .meta({
      examples: [10_000_000_000],
      effects: ['none'],
      description: 'Bytes that one query of a check may read in BigQuery; above it the check is refused.',
      allowed: 'a whole number',
    }),
  enabled: z
    .boolean()
    .default(true)
    .meta({
      examples: [false],
      effects: ['none'],
      description: 'Whether ticks extract the view.',
      allowed: '`true` or `false`',
    }),
});

export type ViewSourceEntry = z.output<typeof viewSourceEntry>;
