import { z } from 'zod';
import { entryNotes, todosIn } from './entry-notes.ts';
import { viewSourceEntry } from './view-source-entry.ts';

const importedEntry = viewSourceEntry
  .extend(entryNotes.shape)
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
  })
  .transform(({ todo: _todo, reasons: _reasons, ...entry }) => entry);

/** Refuses entries that somebody must still decide on, with nothing else: they may lack what they must have. */
const decided = z.unknown().superRefine((entries, context) => {
  for (const { place, view, todo } of todosIn(entries)) {
    context.addIssue({
      code: 'custom',
      path: [place, 'todo'],
      message: `view ${view} has a todo, which must be settled and removed: ${todo.join(' ').replace(/\.$/, '')}`,
    });
  }
});

const entriesToImport = z
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

/** The value of `import` in a file such as sql/source/view-sources.json. What a proposal notes in it is left out. */
export const viewSourceImport = decided.pipe(entriesToImport);

/** The content of a file such as sql/source/view-sources.json. `$schema` tells editors what its fields are. */
export const viewSourceImportFile = z.strictObject({
  $schema: z.string().optional(),
  import: viewSourceImport,
});
