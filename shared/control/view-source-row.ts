import type { TargetSnapshot } from '../model/target-snapshot.ts';
import type { Lookup, ViewSource } from '../model/view-source.ts';
import type { ViewSourceEntry } from '../model/view-source-entry.ts';

/** An entry with the content type ids of the source that it was checked against, and those that its models had before. */
export type ResolvedEntry = ViewSourceEntry & {
  content_type_id: number;
  former_type_ids?: number[];
  lookups: (ViewSourceEntry['lookups'][number] & { former_type_ids?: number[] })[];
};

/** An entry as the view source that it would become. */
export function asViewSource(entry: ResolvedEntry): ViewSource {
  return fromRow({
    former_type_ids: [],
    ...entry,
    paused: false,
    halted_reason: null,
    resync_requested_at: null,
    resync_by_system: false,
    deletes_accepted_for: null,
    resync_advised_reason: null,
    warehouse_fingerprint: null,
    target_checked_at: null,
    target_state: null,
    reporting_view_hash: null,
    applied_policy_tags: {},
    rewrite_id: null,
    known_columns: [],
    unfilled_columns: [],
  });
}

type ContentType = { content_type_id: number; app_label: string; model: string };

/** A lookup as the import stored it; imports of earlier releases lack the optional fields. */
type StoredLookup = ContentType & {
  table: string;
  column: string;
  child_models?: ContentType[];
  former_type_ids?: number[];
  references?: string;
  skip_untracked?: boolean;
  sets_null?: boolean;
};

const idsOf = (types: ContentType[]): number[] => types.map(({ content_type_id }) => content_type_id);

function lookupFrom({
  table,
  content_type_id,
  child_models = [],
  former_type_ids = [],
  column,
  references,
  skip_untracked,
  sets_null,
}: StoredLookup): Lookup {
  return {
    table,
    contentTypeId: content_type_id,
    ...(child_models.length > 0 && { childTypeIds: idsOf(child_models) }),
    ...(former_type_ids.length > 0 && { formerTypeIds: former_type_ids }),
    column,
    ...(references !== undefined && { references }),
    ...(skip_untracked !== undefined && { skipUntracked: skip_untracked }),
    ...(sets_null !== undefined && { setsNull: sets_null }),
  };
}

/** A row of etl.view_source as a view source. */
export function fromRow(row: Record<string, unknown>): ViewSource {
  const partitionColumn = row.partition_column as string | null;
  const resyncRequestedAt = row.resync_requested_at as Date | null;
  const childModels = row.child_models as ContentType[];
  const lookups = row.lookups as StoredLookup[];
  return {
    name: row.name as string,
    targetName: row.target_name as string,
    mainTable: row.main_table as string,
    contentTypeId: row.content_type_id as number,
    childTypeIds: idsOf(childModels),
    formerTypeIds: row.former_type_ids as number[],
    contentTypeNames: Object.fromEntries(
      [
        row as unknown as ContentType,
        ...childModels,
        ...lookups.flatMap((lookup) => [lookup, ...(lookup.child_models ?? [])]),
      ].map((type) => [String(type.content_type_id), `${type.app_label}.${type.model}`]),
    ),
    keyColumn: row.key_column as string,
    trackedColumns: row.tracked_columns as string[],
    skipUntracked: row.skip_untracked as boolean,
    foreignKeys: row.foreign_keys as ViewSource['foreignKeys'],
    datetimeColumns: row.datetime_columns as string[],
    nullDefaults: row.null_defaults as ViewSource['nullDefaults'],
    unrepresentable: row.unrepresentable as ViewSource['unrepresentable'],
    nullArrays: row.null_arrays as ViewSource['nullArrays'],
    omittedColumns: row.omitted_columns as string[] | null,
    policyTags: row.policy_tags as ViewSource['policyTags'],
    loadType: row.load_type as ViewSource['loadType'],
    partition:
      partitionColumn === null
        ? null
        : {
            column: partitionColumn,
            granularity: row.partition_granularity as NonNullable<ViewSource['partition']>['granularity'],
          },
    clusterColumns: row.cluster_columns as string[],
    reportColumn: row.report_column as string,
    recheckSeconds: row.recheck_seconds as number,
    maxDeletedShare: row.max_deleted_share as number,
    lookups: lookups.map(lookupFrom),
    viewChanges: row.view_changes as ViewSource['viewChanges'],
    columnChanges: row.column_changes as ViewSource['columnChanges'],
    ignoredDependencies: row.ignored_dependencies as string[],
    autoRepair: row.auto_repair as boolean,
    maxRepairedShare: row.max_repaired_share as number,
    maxCheckBytes: row.max_check_bytes === null ? null : BigInt(row.max_check_bytes as number),
    enabled: row.enabled as boolean,
    paused: row.paused as boolean,
    haltedReason: row.halted_reason as string | null,
    resyncBySystem: row.resync_by_system as boolean,
    resyncRequestedAt,
    acceptsDeletes:
      resyncRequestedAt !== null &&
      (row.deletes_accepted_for as Date | null)?.getTime() === resyncRequestedAt.getTime(),
    resyncAdvice: row.resync_advised_reason as string | null,
    warehouseFingerprint: row.warehouse_fingerprint as string | null,
    reportingViewHash: row.reporting_view_hash as string | null,
    targetSnapshot: row.target_state as TargetSnapshot | null,
    targetCheckedAt: row.target_checked_at as Date | null,
    appliedPolicyTags: row.applied_policy_tags as ViewSource['appliedPolicyTags'],
    rewriteId: row.rewrite_id as string | null,
    knownColumns: row.known_columns as string[],
    unfilledColumns: row.unfilled_columns as string[],
  };
}
