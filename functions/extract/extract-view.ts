import type { Readable } from 'node:stream';
import type pg from 'pg';
import type { Checkpoint } from '../../shared/checkpoint.ts';
import type { LoadType } from '../../shared/columns.ts';
import type { StoredCheckpoint } from '../../shared/control/checkpoints.ts';
import type { EtlTransaction, Kind } from '../../shared/control/etl-transactions.ts';
import type { Lease } from '../../shared/control/leases.ts';
import type { QueuedKeys } from '../../shared/control/queued-keys.ts';
import { DataHubError } from '../../shared/errors.ts';
import { type Capture, capture, captureInitial, isEmptyView } from '../../shared/source/capture.ts';
import { drawMarker, warnOfStuckFloor } from '../../shared/source/change-log.ts';
import { copyOut, loggedKeysStatement } from '../../shared/source/fetch.ts';
import { findKeysLoggedSince } from '../../shared/source/recheck.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { badKeysAmong, describeView, type SourceView } from '../../shared/source/source-view.ts';
import type { ViewSource } from '../../shared/view-source.ts';
import { abandon } from '../abandon.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Invocation } from '../handle.ts';
import { deadlineOf, holdView } from '../hold-view.ts';
import { namingRefusedRow } from '../name-refused-row.ts';
import { batchLimit, raiseBatchLimit } from './batch-limit.ts';
import { captureInTime, stageInTime } from './in-time.ts';
import { prepareWarehouse } from './prepare-warehouse.ts';
import { type Staged, stageRows } from './stage-rows.ts';
import { whyStopped } from './tick.ts';

export type ExtractResult =
  | {
      outcome: 'staged';
      view: string;
      etlTransactionId: string;
      kind: Kind;
      upserts: number;
      deletes: number;
      hasMore: boolean;
    }
  /** The view has a batch in flight; its event was published again. */
  | { outcome: 'republished'; view: string; etlTransactionId: string }
  /** Nothing to do: only the checkpoint moved. */
  | { outcome: 'idle'; view: string; logRows: string; hasMore: boolean }
  | { outcome: 'busy'; view: string }
  | { outcome: 'skipped'; view: string; reason: string };

type Extracted = { result: ExtractResult; loadType: LoadType };

/** The function that applies the batches of a load type. */
const APPLIERS = { merge: 'merge', 'bq-storage-api': 'stream' } as const;

/** After so long a staged batch is not waited for any more: its rows are captured again under a new number. */
const STAGED_FOR_TOO_LONG_MS = 24 * 3_600_000;

/**
 * Extracts one batch of a view: captures, fetches, stages, and announces it. A view whose batch is in flight is not extracted
 * again: its event is published again, since it may have been lost. Safe to repeat and to run twice at once (I4).
 */
export async function extractView(
  view: string,
  trigger: string,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ExtractResult> {
  const { control, events } = dependencies;
  const reason = whyStopped(await control.getViewSource(view));
  if (reason !== null) return { outcome: 'skipped', view, reason };
  const held = await holdView<Extracted>(view, invocation, dependencies, async (lease, signal) => {
    // Its load type does not change while the view is held.
    const source = await control.getViewSource(view);
    const { loadType } = source;
    const inFlight = await control.findInFlight(view);
    if (inFlight !== null && !(await abandonedInstead(inFlight, lease, dependencies))) {
      const result = { outcome: 'republished' as const, view, etlTransactionId: String(inFlight.id) };
      return { result, loadType };
    }
    try {
      return { result: await extractBatch(source, trigger, lease, signal, dependencies), loadType };
    } catch (error) {
      if (error instanceof DataHubError && error.kind === 'number_reused') await control.leapNumbers();
      throw error;
    }
  });
  if (!held.held) return { outcome: 'busy', view };
  const { result, loadType } = held.result;
  // After the lease is given back, so that the applier can take it at once.
  if (result.outcome === 'staged' || result.outcome === 'republished') {
    await events.announceBatch(APPLIERS[loadType], view, BigInt(result.etlTransactionId));
  }
  if (result.outcome === 'idle' && result.hasMore) await events.requestExtract(view, 'continue');
  return result;
}

/** Fetches the given keys now, whatever the log says; those that must wait for a batch in flight stay queued. */
export async function extractKeys(
  view: string,
  keys: string[],
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ExtractResult & { keysQueued: number }> {
  const { config, control, source } = dependencies;
  const viewSource = await control.getViewSource(view);
  const bad = await inSnapshot(source, async (client) =>
    badKeysAmong(client, await describeView(client, viewSource, config.contentTypeTable), keys),
  );
  if (bad.length > 0) {
    throw new DataHubError('invalid_event', `view ${view}: no key of its type: ${bad.join(', ')}`, {
      context: { view },
    });
  }
  await control.queueKeys(view, keys, 'backfill');
  const result = await extractView(view, 'keys', invocation, dependencies);
  return { ...result, keysQueued: keys.length };
}

/**
 * Of a batch that is in flight while we hold the lease: one that was being extracted lost its process, and one that was
 * staged a day ago is given up. True when it was abandoned, so that its log rows are to be captured again.
 */
async function abandonedInstead(
  batch: EtlTransaction,
  lease: Lease,
  dependencies: Dependencies,
): Promise<boolean> {
  const { clock } = dependencies;
  const isStale =
    batch.state === 'staged' && clock.nowMs() - (batch.stagedAt?.getTime() ?? 0) > STAGED_FOR_TOO_LONG_MS;
  if (batch.state !== 'extracting' && !isStale) return false;
  const why = isStale ? 'staged for more than 24 hours' : 'its process ended before the batch was staged';
  await abandon(lease, batch, why, dependencies);
  return true;
}

async function extractBatch(
  viewSource: ViewSource,
  trigger: string,
  lease: Lease,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<ExtractResult> {
  const { clock, config, control, log, source, staging, warehouse } = dependencies;
  const startedMs = clock.nowMs();
  const deadlineMs = deadlineOf(dependencies);
  const view = viewSource.name;
  // A resync begins anew: what was covered before does not matter to it.
  const { resyncRequestedAt } = viewSource;
  const stored = resyncRequestedAt !== null ? null : await control.readCheckpoint(view);
  const limit = batchLimit(stored, config);
  const queued: QueuedKeys =
    stored === null ? { ids: [], keys: [], kind: null } : await control.dueKeys(view, limit.maxLogRows);
  const checkpoint = stored && (await drawMarker(source, stored.checkpoint, config.graceSeconds));

  const staged = await inSnapshot(source, async (client) => {
    const described = await describeView(client, viewSource, config.contentTypeTable);
    const options = { logTable: config.changeLogTable, ...limit, queuedKeys: queued.keys };
    const captured = await captureInTime(lease, { stored, size: limit.maxLogRows }, dependencies, async () =>
      checkpoint === null
        ? { ...NOTHING_CAPTURED, next: await captureInitial(client, described, config.changeLogTable) }
        : await capture(client, described, checkpoint, options),
    );
    if (stored !== null) await warnIfStuck(client, view, stored, captured.next, dependencies);
    if (checkpoint !== null && captured.upserts + captured.deletes === 0n) {
      return { captured, batch: null };
    }
    const prepared = await prepareWarehouse(viewSource, described.shape, lease, dependencies, deadlineMs, {
      wasLoaded: stored !== null,
      isEmpty: stored === null && (await isEmptyView(client, described)),
    });
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
      resyncRequestedAt,
    });
    const { isLoadedAsIs, lastNumber } = prepared;
    if (viewSource.loadType === 'bq-storage-api' && !isLoadedAsIs) {
      await staging.writeLastNumber(view, { etlTransactionId: batch.id, token: batch.token }, lastNumber);
    }
    const size = Math.max(Number(captured.logRows), queued.keys.length);
    const rows = await stageInTime(
      batch,
      { stored, size },
      { lease, signal, deadlineMs },
      dependencies,
      (untilThen) => stageRows(client, described, batch, isLoadedAsIs, untilThen, dependencies),
    );
    if (captured.logRows > 0n || checkpoint === null) {
      await queueRechecks(client, described, viewSource, checkpoint === null, dependencies);
    }
    return { captured, batch, rows, size };
  });

  if (staged.batch === null) {
    const { badKeys, cutId, logRows, next } = staged.captured;
    await control.moveCheckpoint(lease, next, { badKeys, hasMore: cutId !== null, queuedKeyIds: queued.ids });
    return { outcome: 'idle', view, logRows: String(logRows), hasMore: cutId !== null };
  }
  const { batch, rows } = staged;
  assertCaptured(batch, staged.captured, rows);
  const attempt = {
    view,
    target: viewSource.targetName,
    etlTransactionId: batch.id,
    token: batch.token,
    attempt: batch.attempt,
  };
  const { objects } = rows;
  const loaded = { view, keyColumn: viewSource.keyColumn, objects, signal };
  // A load that is not done by now is waited for by merge.
  const loadJobId =
    viewSource.loadType === 'merge' && objects.length > 0
      ? await namingRefusedRow(loaded, staging, () =>
          warehouse.load(attempt, objects.map(staging.uri), deadlineMs),
        )
      : null;
  signal.throwIfAborted();
  await raiseBatchLimit(
    lease,
    stored,
    { size: staged.size, durationMs: clock.nowMs() - startedMs },
    dependencies,
  );
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
      logRows: String(staged.captured.logRows),
      badKeys: String(staged.captured.badKeys),
      policyValues: rows.policyValues,
      bytes: rows.bytes,
      durationMs: clock.nowMs() - startedMs,
    },
    'batch staged',
  );
  return { outcome: 'staged', view, etlTransactionId: String(batch.id), ...told };
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
function assertCaptured(batch: EtlTransaction, captured: Omit<Capture, 'next'>, staged: Staged): void {
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
