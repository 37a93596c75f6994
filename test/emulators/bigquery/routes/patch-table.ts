import { z } from 'zod';
import type { Table } from '../catalog.ts';
import { invalid } from '../error.ts';
import type { Field } from '../field.ts';
import { checkLabels } from '../labels.ts';
import { checkColumns } from '../statement/create-table.ts';

const field = z.object({
  name: z.string(),
  type: z.string(),
  mode: z.string().default('NULLABLE'),
  description: z.string().optional(),
  policyTags: z.object({ names: z.array(z.string()).default([]) }).optional(),
});

/** The settings that tables.patch changes here; null removes one. Others are refused: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch */
export const tablePatch = z.strictObject({
  schema: z.object({ fields: z.array(field) }).optional(),
  clustering: z.object({ fields: z.array(z.string()) }).optional(),
  timePartitioning: z
    .object({ type: z.string(), field: z.string(), expirationMs: z.string().optional() })
    .optional(),
  defaultCollation: z.enum(['', 'und:ci']).optional(),
  description: z.string().nullish(),
  labels: z.record(z.string(), z.string().nullable()).optional(),
  maxStaleness: z.string().nullish(),
  expirationTime: z.string().nullish(),
});

type Patch = z.output<typeof tablePatch>;

/** The table with changed settings. @throws BigQueryError for a change of columns or partitions, which tables.patch cannot make. */
export function patchedTable(table: Table, patch: Patch, location: string): Table {
  const { description: _, maxStaleness: __, expirationTime: ___, ...rest } = table;
  const expirationTime = patch.expirationTime === undefined ? table.expirationTime : patch.expirationTime;
  const description = patch.description === undefined ? table.description : patch.description;
  const maxStaleness = patch.maxStaleness === undefined ? table.maxStaleness : patch.maxStaleness;
  const patched: Table = {
    ...rest,
    ...(typeof description === 'string' && { description }),
    ...(typeof maxStaleness === 'string' && { maxStaleness }),
    ...(typeof expirationTime === 'string' && { expirationTime }),
    ...(patch.defaultCollation !== undefined && { defaultCollation: patch.defaultCollation }),
    ...(patch.labels && { labels: patchedLabels(table.labels ?? {}, patch.labels) }),
    ...(patch.clustering && { clustering: patch.clustering }),
    ...(patch.timePartitioning && { timePartitioning: patchedPartitioning(table, patch.timePartitioning) }),
    ...(patch.schema && { fields: patchedFields(table.fields, patch.schema.fields, location) }),
    lastModifiedTime: String(Date.now()),
  };
  checkColumns(patched.fields, patched);
  return patched;
}

function patchedLabels(
  before: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const all = Object.entries({ ...before, ...patch });
  const labels = Object.fromEntries(all.filter((label): label is [string, string] => label[1] !== null));
  checkLabels(labels);
  return labels;
}

/** Only the expiration can change: https://cloud.google.com/bigquery/docs/managing-partitioned-tables#update_the_partition_expiration */
function patchedPartitioning(
  { timePartitioning }: Table,
  { type, field: column, expirationMs }: NonNullable<Patch['timePartitioning']>,
): NonNullable<Table['timePartitioning']> {
  if (timePartitioning?.type !== type || timePartitioning.field !== column) {
    throw invalid('Cannot change partitioning spec for a table');
  }
  return { type, field: column, ...(expirationMs !== undefined && { expirationMs }) };
}

function patchedFields(
  before: readonly Field[],
  fields: readonly z.output<typeof field>[],
  location: string,
): Field[] {
  const patches = new Map(fields.map((each) => [each.name, each]));
  const isSame = before.every(({ name, type, mode }) => {
    const patch = patches.get(name);
    return patch?.type === type && patch.mode === mode;
  });
  if (!isSame || fields.length !== before.length) throw invalid('Provided Schema does not match Table');
  return before.map((each) => patchedField(each, patches.get(each.name), location));
}

/** Absent policy tags stay, an empty list removes them: https://cloud.google.com/bigquery/docs/column-level-security#clear_a_policy_tag */
function patchedField(before: Field, patch: z.output<typeof field> | undefined, location: string): Field {
  const { policyTags: present, ...rest } = before;
  const tags = patch?.policyTags ?? present ?? { names: [] };
  if (tags.names.length > 1) throw invalid(`Field ${before.name} has more than one policy tag`);
  for (const name of tags.names) {
    const place = /^projects\/[^/]+\/locations\/([^/]+)\/taxonomies\/[^/]+\/policyTags\/[^/]+$/.exec(
      name,
    )?.[1];
    // https://cloud.google.com/bigquery/docs/column-level-security-intro#location_considerations
    if (place?.toLowerCase() !== location.toLowerCase()) {
      throw invalid(`Policy tag ${name} is not in location ${location}`);
    }
  }
  return {
    ...rest,
    ...(patch?.description !== undefined && { description: patch.description }),
    ...(tags.names.length > 0 && { policyTags: tags }),
  };
}
