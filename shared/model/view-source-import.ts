import { z } from 'zod';
import { viewSourceEntry } from './view-source-entry.ts';

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
