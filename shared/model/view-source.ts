import type { LoadType } from './columns.ts';
import type { TargetSnapshot } from './target-snapshot.ts';

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
