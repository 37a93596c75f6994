import type pg from 'pg';
import { acceptDeletesAdvice } from '../../shared/batch/delete-limit.ts';
import { assertMayEvolve, needsWholeView, unfilledColumns } from '../../shared/batch/evolve.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import { changedBySomebody } from '../../shared/model/target-snapshot.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { isEmptyView } from '../../shared/source/capture.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { StreamHighWater } from '../../shared/staging/staging.ts';
import type { FoundTable } from '../../shared/warehouse/found-table.ts';
import { ledgerGone, targetGone } from '../../shared/warehouse/tables-gone.ts';
import { snapshotOf } from '../../shared/warehouse/target-snapshot.ts';
import type { Layout, UnfitSetting } from '../../shared/warehouse/warehouse.ts';
import { arrangeTarget, isArranged, replaceTarget } from './change-target.ts';
import type { Extraction } from './extraction.ts';

export type Preparation = {
  /** For a streamed view: the last batch that was streamed, as the bucket records it. */
  highWater: StreamHighWater | null;
  /** Whether a load job brings the whole view straight into its streamed target, which is empty and was never streamed into. */
  isDirectLoad: boolean;
  /** Rows of the target, without deleted ones, before a complete batch; null for other batches. */
  targetRows: bigint | null;
};

/**
 * Step 3: creates the view's BigQuery objects when they are missing or another release created them, lets its tables follow the columns of
 * the view and its view source, and raises the generator of batch ids above every id that the target has met. Decides how the batch is
 * staged, or that it must carry the whole view. Throws `schema_drift` naming every difference that cannot be followed, and `configuration`
 * when the target or the ledger of a loaded view is gone, or when an empty view would empty its target and no operator has accepted that.
 */
export async function prepare(
  client: pg.ClientBase,
  extraction: Extraction,
  view: SourceView,
  dependencies: Dependencies,
): Promise<Preparation | 'needs the whole view'> {
  const { source, stored, lease, deadline } = extraction;
  const { control, log, staging, warehouse } = dependencies;
  const { shape } = view;
  const wasLoaded = stored !== null;
  const layout: Layout = source;
  const isStreamed = source.loadType === 'bq-storage-api';
  if (!wasLoaded) await warehouse.finishReplacement(shape, deadline);
  const comparison = await warehouse.compareTables(shape);
  const { missing } = comparison;
  if (wasLoaded && missing.includes('target')) throw targetGone(source.name);
  if (wasLoaded && missing.includes('ledger')) throw ledgerGone(source.name);
  if (wasLoaded && comparison.target !== null) await watchTarget(extraction, comparison.target, dependencies);
  const evolution = warehouse.planEvolution(comparison, { shape, layout }, source.knownColumns);
  assertMayEvolve(source, evolution);
  if (needsWholeView(stored, evolution)) return 'needs the whole view';
  const fingerprint = warehouse.fingerprint({ shape, layout, dropped: evolution.dropped });
  // A merge refuses an id that its target has met; BigQuery would silently ignore the rows of a stream (I7).
  const highWater = isStreamed ? await staging.readStreamHighWater(source.name) : null;
  const streamedId = highWater?.batchId ?? null;
  if (streamedId !== null) await control.batchIds.raise(streamedId);
  const isCreated =
    missing.length === 0 &&
    evolution.statements.length === 0 &&
    isArranged(source, comparison, evolution) &&
    source.warehouseFingerprint === fingerprint &&
    hasKnownColumns(source) &&
    (await isReported(source, shape, dependencies));
  // A whole view is compared with its target at every attempt, even after one that created everything.
  if (isCreated && wasLoaded && !(isStreamed && streamedId === null)) {
    return { highWater, isDirectLoad: false, targetRows: null };
  }
  assertFit(source.name, await warehouse.unfitSettings({ shape, layout }));
  // From here on there is a target without the covered rows, whatever happens to this batch.
  if (missing.includes('target') || evolution.newTarget.length > 0) await control.checkpoints.forget(lease);
  if (evolution.newTarget.length > 0) await replaceTarget(extraction, shape, evolution, dependencies);
  const unfilled = unfilledColumns(source, stored, evolution);
  const hidden = shape.columns.filter(({ name }) => unfilled.includes(name));
  const record = (made: string | null, policyTags: ViewSource['policyTags']) =>
    control.viewSources.setWarehouseFingerprint(source.name, made, {
      columns: shape.columns.map(({ name }) => name),
      unfilled,
      policyTags,
    });
  // Recorded first: a later attempt finds the columns in the target. The next extract after this batch is applied shows them.
  if (hidden.length > 0) await record(null, source.appliedPolicyTags);
  const objects = { shape, layout, evolution, hidden };
  const { highestBatchId, targetRows } = await warehouse.makeObjects(objects, lease.token, deadline);
  await arrangeTarget(extraction, shape, evolution, dependencies);
  const wouldEmpty = !wasLoaded && targetRows > 0n && !source.acceptsDeletes;
  if (wouldEmpty && (await isEmptyView(client, view))) throw wouldEmptyTarget(source.name, targetRows);
  await control.batchIds.raise(highestBatchId);
  if (hidden.length === 0) await record(fingerprint, source.policyTags);
  const isRecorded = evolution.newTarget.length > 0;
  if (evolution.differences.length > 0 && !isRecorded && source.warehouseFingerprint !== fingerprint) {
    const details = { differences: evolution.differences };
    log.warn({ view: source.name, ...details }, 'columns changed');
    await control.schemaChanges.record(lease, { kind: 'columns', action: 'evolved', details });
  }
  // Loaded rows have no sequence number: streamed rows that arrive late would overwrite them.
  const isDirectLoad = isStreamed && !wasLoaded && highWater === null && targetRows === 0n;
  return { highWater, isDirectLoad, targetRows: wasLoaded ? null : targetRows };
}

/** Records what somebody else did to a loaded target, which only a resync repairs, and warns when BigQuery will remove rows of it. */
async function watchTarget(
  { source, lease }: Extraction,
  target: FoundTable,
  { control, log }: Dependencies,
): Promise<void> {
  const view = source.name;
  if (target.expiry !== null) {
    log.warn({ view, reason: target.expiry.fault, remedy: target.expiry.remedy }, 'target expires');
  }
  const reason = changedBySomebody(source.targetSnapshot, snapshotOf(target, source.loadType));
  if (reason === null || reason === source.resyncAdvice) return;
  await control.checkpoints.adviseResync(lease, reason);
  log.warn({ view, reason }, 'resync advised');
}

/** Whether the reporting view is as it was created. Another statement that creates it changes the fingerprint. */
async function isReported(
  source: ViewSource,
  shape: TableShape,
  { log, warehouse }: Dependencies,
): Promise<boolean> {
  const reason = await warehouse.reportingViewFault(shape, source);
  if (reason !== null) log.warn({ view: source.name, reason }, 'reporting view created again');
  return reason === null;
}

/** Release 0.2.0 did not record the columns that a view has had: a column that is dropped later would be taken for somebody else's. */
export const hasKnownColumns = ({ knownColumns }: ViewSource): boolean => knownColumns.length > 0;

function assertFit(view: string, settings: readonly UnfitSetting[]): void {
  const [first] = settings.filter(({ isFatal }) => isFatal);
  if (first === undefined) return;
  const { message, advice } = first;
  throw new DataHubError('configuration', `view ${view}: ${message}`, { context: { view }, advice });
}

function wouldEmptyTarget(view: string, targetRows: bigint): DataHubError {
  return new DataHubError(
    'configuration',
    `view ${view} has no rows, but its target has ${targetRows} from before: a load would delete them all`,
    { context: { view }, advice: acceptDeletesAdvice(view) },
  );
}
