import { isDeepStrictEqual } from 'node:util';
import { omittedColumnsOf } from './view-source.ts';
import type { ViewSourceEntry } from './view-source-entry.ts';

/** What a changed field of a view source means for a view that has batches already. */
export type Effect =
  /** The next batch obeys it; no row of the target is wrong because of the change. */
  | 'none'
  /** The next extract makes the reporting view, the procedure and the policy tags anew. */
  | 'objects'
  /** Rows that no log row will name may be wrong: the next batch carries the whole view. */
  | 'resync'
  /** BigQuery can set it on the existing table, whose rows are then rewritten once. */
  | 'rewrite'
  /** BigQuery cannot change it on the existing table: a new one takes its place, and the view is loaded again. */
  | 'new target'
  /** Another value would merge other rows over those in the target (I11): an import refuses it. */
  | 'locked';

/** A view source as an import gives it, or as etl.view_source has it. */
export type SourceFields = ViewSourceEntry & { content_type_id: number };

/** A field that differs, and what that means. */
export type FieldChange = { field: keyof ViewSourceEntry; effect: Effect };

type Rule = Effect | ((before: SourceFields, after: SourceFields) => Effect);

/** Every field of a view source. What was skipped under the former value makes the difference between `none` and `resync`. */
const RULES: Readonly<Record<keyof ViewSourceEntry, Rule>> = {
  name: 'locked',
  target_name: 'locked',
  // An import accepts another table or model only if it holds the same rows.
  main_table: 'resync',
  app_label: 'resync',
  model: 'resync',
  key_column: 'locked',
  load_type: 'locked',
  content_type_id: 'resync',
  child_models: (before, after) => (adds(before.child_models, after.child_models) ? 'resync' : 'none'),
  lookups: (before, after) =>
    after.lookups.every((lookup) => isFollowed(before, after, lookup)) ? 'none' : 'resync',
  tracked_columns: (before, after) =>
    before.skip_untracked && adds(before.tracked_columns, after.tracked_columns) ? 'resync' : 'none',
  skip_untracked: (before) => (before.skip_untracked ? 'resync' : 'none'),
  null_defaults: 'resync',
  null_arrays: 'none',
  omitted_columns: (before, after) => (isEqualSet(omittedBy(before), omittedBy(after)) ? 'none' : 'resync'),
  unrepresentable: (before, after) =>
    isDeepStrictEqual(textColumns(before), textColumns(after)) ? 'resync' : 'new target',
  datetime_columns: (before, after) =>
    isEqualSet(before.datetime_columns, after.datetime_columns) ? 'none' : 'new target',
  partition_column: 'new target',
  partition_granularity: 'new target',
  cluster_columns: (before, after) => {
    if (isDeepStrictEqual(clusteringOf(before), clusteringOf(after))) return 'none';
    return after.load_type === 'merge' ? 'rewrite' : 'new target';
  },
  report_column: 'objects',
  policy_tags: 'objects',
  foreign_keys: 'none',
  recheck_seconds: 'none',
  max_deleted_share: 'none',
  view_changes: 'none',
  column_changes: 'none',
  ignored_dependencies: 'none',
  daily_budget_bytes: 'none',
  auto_repair: 'none',
  max_repaired_share: 'none',
  max_check_bytes: 'none',
  enabled: 'none',
};

/** The fields of a view that has batches whose new values take more than the next batch to obey. */
export function changedFields(before: SourceFields, after: SourceFields): FieldChange[] {
  return (Object.keys(RULES) as (keyof ViewSourceEntry)[])
    .filter((field) => !isDeepStrictEqual(before[field], after[field]))
    .map((field) => {
      const rule = RULES[field];
      return { field, effect: typeof rule === 'string' ? rule : rule(before, after) };
    })
    .filter(({ effect }) => effect !== 'none');
}

/** Whether the next batch must carry the whole view. */
export function needsResync(changes: readonly FieldChange[]): boolean {
  return changes.some(({ effect }) => effect === 'resync' || effect === 'new target');
}

/**
 * The fields that change the columns of the target, or put a new table in its place. `known` are the columns that the view has had in the
 * target: one that was never there can be omitted without a change.
 */
export function targetChanges(
  before: SourceFields,
  after: SourceFields,
  known: readonly string[],
): (keyof ViewSourceEntry)[] {
  const omitted = omittedBy(after);
  const isColumnChange =
    adds(omitted, omittedBy(before)) ||
    adds(
      omittedBy(before),
      omitted.filter((name) => known.length === 0 || known.includes(name)),
    );
  return changedFields(before, after)
    .filter(({ field, effect }) => effect === 'new target' || (field === 'omitted_columns' && isColumnChange))
    .map(({ field }) => field);
}

const MAX_CLUSTER_COLUMNS = 4;

/**
 * The clustering of a target: the key comes first, since only then bounds on the key prune a merge. A view source of release 0.2.0 may have
 * one column more than BigQuery clusters by (https://cloud.google.com/bigquery/docs/clustered-tables#limitations).
 */
export function clusteringColumns(keyColumn: string, others: readonly string[]): string[] {
  return [keyColumn, ...others.filter((name) => name !== keyColumn)].slice(0, MAX_CLUSTER_COLUMNS);
}

const clusteringOf = ({ key_column, cluster_columns }: SourceFields): string[] =>
  clusteringColumns(key_column, cluster_columns);

/** The columns that a policy makes STRING. */
function textColumns({ unrepresentable }: SourceFields): string[] {
  return Object.keys(unrepresentable)
    .filter((column) => unrepresentable[column] === 'string')
    .sort();
}

const omittedBy = ({ omitted_columns }: SourceFields): string[] => [
  ...omittedColumnsOf({ omittedColumns: omitted_columns }),
];

type LookupFields = SourceFields['lookups'][number];

/** Whether everything that the changed lookup follows was followed before. */
function isFollowed(before: SourceFields, after: SourceFields, lookup: LookupFields): boolean {
  return before.lookups.some(
    (known) =>
      isDeepStrictEqual(placeOf(known), placeOf(lookup)) &&
      !adds(typesOf(known), typesOf(lookup)) &&
      (!(known.skip_untracked ?? before.skip_untracked) || (lookup.skip_untracked ?? after.skip_untracked)) &&
      ((known.sets_null ?? true) || !(lookup.sets_null ?? true)),
  );
}

const placeOf = ({ table, column, references, content_type_id }: LookupFields) => ({
  table,
  column,
  references,
  content_type_id,
});
const typesOf = ({ child_models }: LookupFields) =>
  (child_models ?? []).map(({ content_type_id }) => content_type_id);

/** Whether `after` has an element that `before` has not. */
function adds(before: readonly unknown[], after: readonly unknown[]): boolean {
  return after.some((element) => !before.some((known) => isDeepStrictEqual(known, element)));
}

const isEqualSet = (before: readonly unknown[], after: readonly unknown[]): boolean =>
  !adds(before, after) && !adds(after, before);
