import type { Readable } from 'node:stream';
import type pg from 'pg';
import { abandonBatch } from '../../shared/batch/abandon-batch.ts';
import { shrinkAfter } from '../../shared/batch/batch-size.ts';
import type { QueuedKeys } from '../../shared/control/queued-keys.ts';
import { DeadlineExceeded } from '../../shared/deadline.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction, Kind } from '../../shared/model/batch.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import { QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Capture } from '../../shared/source/capture.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { copyOut, loggedKeysStatement } from '../../shared/source/fetch.ts';
import { findKeysLoggedSince } from '../../shared/source/recheck.ts';
import type { Captured } from './capture.ts';
import { type CopiedRows, type Copy, copyBatch } from './copy-rows.ts';
import { type CountedRows, countRows } from './count-rows.ts';
import { type Extraction, extentOf } from './extraction.ts';
import { planCopy } from './plan-copy.ts';
import type { Preparation } from './prepare.ts';
import { planSlicedCopy, sliceAfter, stageSlices } from './stage-whole.ts';

/** What steps 2 and 3 found out about the batch. */
export type BatchPlan = Captured & Preparation;

export type StagedBatch = {
  batch: EtlTransaction;
  captured: Capture;
  rows: CopiedRows;
  /** Null when the rows of the view were not counted. */
  counted: CountedRows | null;
};

/** A batch whose time is up before all slices of its view are copied; the next call goes on. */
export type UnfinishedBatch = { unfinished: EtlTransaction };

/** An attempt costs the whole time limit, so few of them must find a size that fits. */
const COPY_KEEPS = 1 / 4;

const ADVICE =
  'Find out why the view is slow for a single key, for example a lock or a missing index. Or raise the time limits of the function and of its statements. Then resume the view.';

/** Step 4: begins a batch, and copies its rows from the snapshot of `client` to Cloud Storage: a large view in slices, which may take several calls. */
export async function stage(
  client: pg.ClientBase,
  extraction: Extraction,
  plan: BatchPlan,
  dependencies: Dependencies,
): Promise<StagedBatch | UnfinishedBatch> {
  const { checkpoint, source } = extraction;
  const { view, captured, isDirectLoad, highWater } = plan;
  const batch = await begin(extraction, plan, dependencies);
  if (source.loadType === 'bq-storage-api' && !isDirectLoad) {
    await dependencies.staging.writeStreamHighWater(source.name, batch, highWater);
  }
  const copy: Copy = { view, batch, hasDeletes: captured.deletes > 0n };
  const isWhole = checkpoint === null;
  if (isWhole || captured.logRows > 0n) await queueRechecks(client, view, extraction, dependencies);
  const slices = isWhole ? await planCopy(client, view, dependencies.config) : [];
  if (slices.length > 1) {
    await planSlicedCopy(client, extraction, copy, slices, dependencies);
    const rows = await stageSlices(client, extraction, copy, dependencies);
    return rows === null ? { unfinished: batch } : { batch, captured, rows, counted: null };
  }
  const rows = await copyInTime(extraction, { copy, captured }, dependencies, (signal) =>
    copyBatch(client, copy, signal, dependencies),
  );
  // The rows of a whole view were counted while they were copied; a cut batch brings the target to no single snapshot.
  const isComparable = !isWhole && !batch.hasMore;
  const counted = isComparable ? await countRows(client, view, extraction, dependencies) : null;
  return { batch, captured, rows, counted };
}

async function begin(
  { source, trigger, lease, checkpoint, queued }: Extraction,
  { captured, definition, isDirectLoad, targetRows }: BatchPlan,
  { control }: Dependencies,
): Promise<EtlTransaction> {
  const isComplete = checkpoint === null;
  return await control.batches.begin(lease, {
    kind: isComplete ? kindOfWholeView(source) : kindOfChanges(captured, queued),
    trigger,
    nextCheckpoint: captured.next,
    logRows: captured.logRows,
    badKeys: captured.badKeys,
    oldestChangeAt: captured.oldestChangeAt,
    hasMore: captured.cutId !== null,
    isComplete,
    queuedKeyIds: queued.ids,
    resyncRequestedAt: source.resyncRequestedAt,
    resyncBySystem: source.resyncRequestedAt !== null && source.resyncBySystem,
    definition,
    acceptsDeletes: source.acceptsDeletes,
    isDirectLoad,
    targetRows,
  });
}

const kindOfWholeView = ({ resyncRequestedAt }: ViewSource): Kind =>
  resyncRequestedAt === null ? 'initial' : 'resync';

const kindOfChanges = ({ logRows }: Capture, queued: QueuedKeys): Kind =>
  logRows > 0n ? 'incremental' : (queued.kind ?? 'incremental');

/** Abandons a batch of changes whose rows cannot be copied in time; the next one is smaller (`shrinkAfter`). A whole view goes on in slices. */
async function copyInTime<T>(
  extraction: Extraction,
  { copy, captured }: { copy: Copy; captured: Capture },
  dependencies: Dependencies,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { deadline, lease, queued } = extraction;
  const { batch } = copy;
  try {
    return await deadline.enforce(`the copy of ETL transaction ${batch.id}`, work);
  } catch (error) {
    const isTimeUp = error instanceof DeadlineExceeded;
    const isCanceled = error instanceof DataHubError && error.context.code === QUERY_CANCELED;
    if (deadline.signal.aborted || !(isTimeUp || isCanceled)) throw error;
    const what = `view ${batch.view}: the copy of the rows of ETL transaction ${batch.id} did not finish`;
    const cause = isTimeUp ? error.cause : error;
    if (batch.isComplete) throw await sliceAfter({ what, cause }, copy, extraction, dependencies);
    const rows = Math.max(Number(captured.logRows), queued.keys.length);
    const slow = { what, advice: ADVICE, keeps: COPY_KEEPS, cause };
    const tooSlow = await shrinkAfter(slow, extentOf(extraction, rows), dependencies);
    await abandonBatch(lease, batch, tooSlow.message, dependencies);
    throw tooSlow.withContext({ etlTransactionId: batch.id });
  }
}

/**
 * Queues the batch's keys to be fetched again after `recheckSeconds`, for sources whose log rows may become visible before their data. After
 * a whole view it queues the keys of recent log rows.
 */
async function queueRechecks(
  client: pg.ClientBase,
  view: SourceView,
  { checkpoint, source }: Extraction,
  { clock, config, control }: Dependencies,
): Promise<void> {
  const { name, recheckSeconds } = source;
  if (recheckSeconds === 0) return;
  if (checkpoint === null) {
    const since = new Date(clock.nowMs() - recheckSeconds * 1000);
    if ((await findKeysLoggedSince(client, view, config.changeLogTable, since)) === 0) return;
  }
  await copyOut(client, loggedKeysStatement(view), (lines: Readable) =>
    control.queuedKeys.addRechecks(name, recheckSeconds, lines),
  );
}
