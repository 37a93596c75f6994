import type { Readable } from 'node:stream';
import type pg from 'pg';
import { type BatchSize, batchSizeLimit, growBatchSize } from '../../shared/batch/batch-size.ts';
import { deadlineOf } from '../../shared/batch/with-view-lease.ts';
import type { EtlTransaction, Kind } from '../../shared/control/batches.ts';
import type { StoredCheckpoint } from '../../shared/control/checkpoints.ts';
import type { Lease } from '../../shared/control/leases.ts';
import type { QueuedKeys } from '../../shared/control/queued-keys.ts';
import type { Checkpoint } from '../../shared/model/checkpoint.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { type Capture, capture, captureInitial, isEmptyView } from '../../shared/source/capture.ts';
import { drawMarker, warnOfStuckFloor } from '../../shared/source/change-log.ts';
import { describeView, type SourceView } from '../../shared/source/describe-view.ts';
import { copyOut, loggedKeysStatement } from '../../shared/source/fetch.ts';
import { findKeysLoggedSince } from '../../shared/source/recheck.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { captureInTime, stageInTime } from './in-time.ts';
import { loadStaged } from './load-staged.ts';
import { prepareWarehouse } from './prepare-warehouse.ts';
import { type Staged, stageRows } from './stage-rows.ts';

export type BatchResult =
  | {
      outcome: 'staged';
      view: string;
      etlTransactionId: string;
      kind: Kind;
      upserts: number;
      deletes: number;
      hasMore: boolean;
    }
  /** Staged, but its load outlives this call. */
  | { outcome: 'loading'; view: string; etlTransactionId: string }
  /** Nothing to do: only the checkpoint moved. */
  | { outcome: 'idle'; view: string; logRows: string; hasMore: boolean };

/** A view that is held, why it is extracted, and since when. */
type Held = {
  viewSource: ViewSource;
  trigger: string;
  lease: Lease;
  signal: AbortSignal;
  startedMs: number;
  deadlineMs: number;
};

/** Since where the view is captured; of a whole view, what was covered before does not matter. */
type Start = {
  stored: StoredCheckpoint | null;
  /** The stored one, with the markers that were drawn since. */
  checkpoint: Checkpoint | null;
  queued: QueuedKeys;
  limit: BatchSize;
};

type StagedBatch = { batch: EtlTransaction; captured: Capture; rows: Staged };

/** Captures a view that is held, and fetches and stages what it found, as a batch of its own. */
export async function extractBatch(
  viewSource: ViewSource,
  trigger: string,
  lease: Lease,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<BatchResult> {
  const { clock, control, source } = dependencies;
  const startedMs = clock.nowMs();
  const held: Held = { viewSource, trigger, lease, signal, startedMs, deadlineMs: deadlineOf(dependencies) };
  const start = await findStart(viewSource, dependencies);
  const found = await inSnapshot(source, (client) => captureAndStage(client, held, start, dependencies));
  if ('batch' in found) return await handOver(found, held, start, dependencies);

  const { badKeys, cutId, logRows, next } = found.captured;
  const hasMore = cutId !== null;
  const durationMs = clock.nowMs() - startedMs;
  await growBatchSize(
    lease,
    start.stored,
    { size: batchFill(found.captured, start), durationMs },
    dependencies,
  );
  await control.moveCheckpoint(lease, next, { badKeys, hasMore, queuedKeyIds: start.queued.ids });
  return { outcome: 'idle', view: viewSource.name, logRows: String(logRows), hasMore };
}

/** How many log rows or keys it had; as many as it might, where the log was not read to its end. */
const batchFill = ({ cutId, logRows }: Capture, { limit, queued }: Start): number =>
  cutId === null ? Math.max(Number(logRows), queued.keys.length) : limit.maxLogRows;

async function findStart(
  { name, resyncRequestedAt }: ViewSource,
  { config, control, source }: Dependencies,
): Promise<Start> {
  const stored = resyncRequestedAt !== null ? null : await control.readCheckpoint(name);
  const limit = batchSizeLimit(stored, config);
  if (stored === null) return { stored, checkpoint: null, queued: { ids: [], keys: [], kind: null }, limit };
  const queued = await control.dueKeys(name, limit.maxLogRows);
  const checkpoint = await drawMarker(source, stored.checkpoint, config.graceSeconds);
  return { stored, checkpoint, queued, limit };
}

/** In one snapshot: what is there to do, and, where there is something, its rows in staged objects. */
async function captureAndStage(
  client: pg.ClientBase,
  { viewSource, trigger, lease, signal, deadlineMs }: Held,
  { stored, checkpoint, queued, limit }: Start,
  dependencies: Dependencies,
): Promise<{ captured: Capture } | StagedBatch> {
  const { config, control, staging } = dependencies;
  const view = viewSource.name;
  const described = await describeView(client, viewSource, config.contentTypeTable);
  const options = { logTable: config.changeLogTable, ...limit, queuedKeys: queued.keys };
  const mayHave = { stored, size: limit.maxLogRows };
  const captured = await captureInTime(client, mayHave, { lease, deadlineMs }, dependencies, async () =>
    checkpoint === null
      ? { ...NOTHING_CAPTURED, next: await captureInitial(client, described, config.changeLogTable) }
      : await capture(client, described, checkpoint, options),
  );
  if (stored !== null) await warnIfStuck(client, view, stored, captured.next, dependencies);
  if (checkpoint !== null && captured.upserts + captured.deletes === 0n) return { captured };

  const { isDirectLoad, highWater } = await prepareWarehouse(
    viewSource,
    described.shape,
    lease,
    dependencies,
    deadlineMs,
    {
      wasLoaded: stored !== null,
      isEmpty: stored === null && (await isEmptyView(client, described)),
    },
  );
  const batch = await control.beginBatch(lease, {
    kind: checkpoint === null ? wholeKind(viewSource) : changesKind(captured.logRows, queued),
    trigger,
    nextCheckpoint: captured.next,
    logRows: captured.logRows,
    badKeys: captured.badKeys,
    oldestChangeAt: captured.oldestChangeAt,
    hasMore: captured.cutId !== null,
    isComplete: checkpoint === null,
    queuedKeyIds: queued.ids,
    resyncRequestedAt: viewSource.resyncRequestedAt,
  });
  if (viewSource.loadType === 'bq-storage-api' && !isDirectLoad) {
    await staging.writeStreamHighWater(view, { etlTransactionId: batch.id, token: batch.token }, highWater);
  }
  const size = Math.max(Number(captured.logRows), queued.keys.length);
  const rows = await stageInTime(
    batch,
    { stored, size },
    { lease, signal, deadlineMs },
    dependencies,
    (untilThen) => stageRows(client, described, batch, isDirectLoad, untilThen, dependencies),
  );
  if (captured.logRows > 0n || checkpoint === null) {
    await queueRechecks(client, described, viewSource, checkpoint === null, dependencies);
  }
  return { batch, captured, rows };
}

/** Loads the staged rows of a view that is merged into its temp table, and hands the batch over to whoever applies it. */
async function handOver(
  { batch, captured, rows }: StagedBatch,
  { viewSource, lease, signal, startedMs, deadlineMs }: Held,
  start: Start,
  dependencies: Dependencies,
): Promise<BatchResult> {
  const { clock, control, log } = dependencies;
  assertCaptured(batch, captured, rows);
  const view = viewSource.name;
  const isLoadWanted = viewSource.loadType === 'merge' && rows.objects.length > 0;
  const loadJobId = isLoadWanted
    ? await loadStaged(batch, viewSource, rows.objects, { signal, deadlineMs }, dependencies)
    : null;
  signal.throwIfAborted();
  const durationMs = clock.nowMs() - startedMs;
  await growBatchSize(lease, start.stored, { size: batchFill(captured, start), durationMs }, dependencies);
  await control.markStaged(lease, batch.id, {
    upserts: BigInt(rows.upserts),
    deletes: BigInt(rows.deletes),
    bytes: BigInt(rows.bytes),
    policyValues: rows.policyValues,
    loadJobId,
  });
  const told = { kind: batch.kind, upserts: rows.upserts, deletes: rows.deletes, hasMore: batch.hasMore };
  log.info(
    {
      view,
      etlTransactionId: String(batch.id),
      ...told,
      logRows: String(captured.logRows),
      badKeys: String(captured.badKeys),
      policyValues: rows.policyValues,
      bytes: rows.bytes,
      durationMs,
    },
    'batch staged',
  );
  const etlTransactionId = String(batch.id);
  return isLoadWanted && loadJobId === null
    ? { outcome: 'loading', view, etlTransactionId }
    : { outcome: 'staged', view, etlTransactionId, ...told };
}

const NOTHING_CAPTURED: Omit<Capture, 'next'> = {
  logRows: 0n,
  badKeys: 0n,
  oldestChangeAt: null,
  cutId: null,
  upserts: 0n,
  deletes: 0n,
};

const wholeKind = ({ resyncRequestedAt }: ViewSource): Kind =>
  resyncRequestedAt === null ? 'initial' : 'resync';

function changesKind(logRows: bigint, queued: QueuedKeys): Kind {
  return logRows > 0n ? 'incremental' : (queued.kind ?? 'incremental');
}

/** An alertable line when the floor has not moved for long: some transaction of the source is open since. */
async function warnIfStuck(
  client: pg.ClientBase,
  view: string,
  stored: StoredCheckpoint,
  next: Checkpoint,
  { clock, config, log }: Dependencies,
): Promise<void> {
  const [oldest] = next.horizons;
  if (oldest === undefined || next.floorId !== stored.checkpoint.floorId) return;
  const stuckSeconds = Math.round(clock.nowMs() / 1000 - Number(oldest.atMicros / 1_000_000n));
  if (stuckSeconds > config.floorWarningSeconds) await warnOfStuckFloor(client, log, view, stuckSeconds);
}

/** What was written must be what was counted in the same snapshot; anything else is a bug of ours. */
function assertCaptured(batch: EtlTransaction, captured: Capture, staged: Staged): void {
  if (batch.isComplete) return;
  if (BigInt(staged.upserts) === captured.upserts && BigInt(staged.deletes) === captured.deletes) return;
  throw new RangeError(
    `batch ${batch.id} counted ${captured.upserts} upserts and ${captured.deletes} deletes, but staged ${staged.upserts} and ${staged.deletes}`,
  );
}

/**
 * Where a log row may be seen before its data, the batch's keys are fetched once more after a while; after a whole view, those of the log
 * rows that were young.
 */
async function queueRechecks(
  client: pg.ClientBase,
  described: SourceView,
  { name, recheckSeconds }: ViewSource,
  isWhole: boolean,
  { clock, config, control }: Dependencies,
): Promise<void> {
  if (recheckSeconds === 0) return;
  if (isWhole) {
    const since = new Date(clock.nowMs() - recheckSeconds * 1000);
    if ((await findKeysLoggedSince(client, described, config.changeLogTable, since)) === 0) return;
  }
  await copyOut(client, loggedKeysStatement(described), (lines: Readable) =>
    control.queueRechecks(name, recheckSeconds, lines),
  );
}
