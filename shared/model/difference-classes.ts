import type { DifferenceClass, DifferenceKind } from './consistency.ts';

/** What a class of rows that differ means, and what helps. Markdown of one line, with addresses as docs/operations.md writes them. */
export type ClassText = { meaning: string; remedy: string };

/** The table of docs/operations.md#why-rows-differ, which `npm run generate` writes from here, and what the pages of admin say. */
export const CLASS_TEXTS: Record<DifferenceClass, ClassText> = {
  'bypassed the log': {
    meaning:
      'no log row announced the change: a bulk update, `bulk_create`, raw SQL, a cascade of the database, or a process that ended between its change and its log row. Every log row that names the row or its lookup rows was captured, and nobody changed the row in BigQuery',
    remedy:
      'Repair. The count per check tells how much the log misses: let the application save what it changes object by object, or schedule checks with `auto_repair`',
  },
  'log row ignored': {
    meaning:
      'a log row named the row, or its lookup row, and was skipped, since it lists no [tracked column](configuration.md#view-sources): the save wrote more than it listed',
    remedy:
      'Repair, and remove `skip_untracked` from the view or the lookup, or let the application save with `update_fields` everywhere',
  },
  'lookup changed': {
    meaning:
      'only columns of a lookup differ, and a row of that lookup was changed or deleted, or the table is among `ignored_dependencies`, so that nobody follows it. Deletions with `on_delete=SET_NULL` write no log row of the main table',
    remedy:
      'Repair. Remove `"sets_null": false` if rows get NULL after all; add a lookup for a table that is ignored',
  },
  'view definition changed': {
    meaning: 'the view, or a setting that it obeys, changed after the rows of the target were computed',
    remedy: 'Nothing: the next extract [resyncs the view, or halts it](changes.md#replaced-views)',
  },
  'changed in BigQuery': {
    meaning:
      'the row is not what the last batch left, or a row that the target had is gone, or a row has no batch: somebody else wrote to the target',
    remedy:
      'Repair. Find who it was: the [audit log](https://cloud.google.com/bigquery/docs/reference/auditlogs) of the target. Take away the right to write',
  },
  unexplained: {
    meaning:
      "nothing of this is proved: the last batch of the row is older than BigQuery's [time travel](https://cloud.google.com/bigquery/docs/time-travel) (7 days by default); the target is streamed, and the log alone does not decide; a log row was committed only after the look; a side has several rows of the key; or the row is one of too many",
    remedy: 'Repair. Checks more often than once a week explain more',
  },
};

/** How a row differs, in words. */
export const KIND_TEXTS: Record<DifferenceKind, string> = {
  missing: 'in the view, but not in the target',
  extra: 'in the target, but not in the view',
  different: 'on both sides, with other values',
  duplicate: 'several rows with this key on one side',
};
