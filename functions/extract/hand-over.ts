import { growAfter } from '../../shared/batch/batch-size.ts';
import { warnOfBadKeys } from '../../shared/batch/warn-of-bad-keys.ts';
import { warnOfReplacedValues } from '../../shared/batch/warn-of-replaced-values.ts';
import type { EtlTransaction, Kind } from '../../shared/model/batch.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Capture } from '../../shared/source/capture.ts';
import { addPolicyValues } from '../../shared/source/policy-values.ts';
import type { Captured } from './capture.ts';
import type { CopiedRows } from './copy-rows.ts';
import { batchFill, type Extraction, extentOf } from './extraction.ts';
import { loadBatch } from './load-batch.ts';
import type { StagedBatch } from './stage.ts';

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
  /** Not all slices of the view are copied yet; the next call goes on. `rows`: how many are staged. */
  | {
      outcome: 'copying';
      view: string;
      etlTransactionId: string;
      slices: number;
      slicesDone: number;
      rows: string;
    }
  /** The view was replaced; its next batch carries all its rows. */
  | { outcome: 'resync requested'; view: string }
  /** Nothing to do: only the checkpoint moved. */
  | { outcome: 'idle'; view: string; logRows: string; hasMore: boolean };

/**
 * Step 5: loads the rows of a merged view into its temp table, unless `merge` loads them into the target; marks the batch as `staged`, and releases the lease so that the applier can
 * take it.
 */
export async function handOver(
  { batch, captured, rows, counted }: StagedBatch,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<BatchResult> {
  assertComplete(batch, captured, rows);
  const { source, lease, deadline } = extraction;
  const { control, log } = dependencies;
  const view = source.name;
  const etlTransactionId = String(batch.id);
  const needsLoad = source.loadType === 'merge' && !batch.isDirectLoad && rows.objects.length > 0;
  const loadJobId = needsLoad ? await loadBatch(batch, extraction, rows, dependencies) : null;
  deadline.signal.throwIfAborted();
  const durationMs = await growBatches(extraction, captured, dependencies);
  const policyValues = addPolicyValues(Object.values(rows.replaced));
  await control.batches.markStaged(lease, batch.id, {
    upserts: BigInt(rows.upserts),
    deletes: BigInt(rows.deletes),
    bytes: BigInt(rows.bytes),
    policyValues,
    loadJobId,
    counted,
  });
  const staged = { kind: batch.kind, upserts: rows.upserts, deletes: rows.deletes, hasMore: batch.hasMore };
  log.info(
    {
      view,
      etlTransactionId,
      ...staged,
      logRows: String(captured.logRows),
      badKeys: String(captured.badKeys),
      policyValues,
      bytes: rows.bytes,
      durationMs,
    },
    'batch staged',
  );
  warnOfReplacedValues(
    { view, etlTransactionId, upserts: rows.upserts },
    { policies: source.unrepresentable, replaced: rows.replaced.unrepresentable },
    dependencies,
  );
  return needsLoad && loadJobId === null
    ? { outcome: 'loading', view, etlTransactionId }
    : { outcome: 'staged', view, etlTransactionId, ...staged };
}

/** The end of a call whose time was up before all slices were copied. */
export async function goOnLater(
  { id, view }: EtlTransaction,
  { control, log }: Dependencies,
): Promise<BatchResult> {
  const { rows, ...progress } = await control.slicedCopies.progress(id);
  const copying = { view, etlTransactionId: String(id), ...progress, rows: String(rows) };
  log.info(copying, 'copy goes on');
  return { outcome: 'copying', ...copying };
}

/** Step 5 when there was nothing to do: moves the checkpoint. */
export async function finishIdle(
  { captured, definition }: Captured,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<BatchResult> {
  const { badKeys, cutId, logRows, next } = captured;
  const { source, lease, queued } = extraction;
  const hasMore = cutId !== null;
  await growBatches(extraction, captured, dependencies);
  await dependencies.control.checkpoints.move(lease, next, {
    badKeys,
    hasMore,
    queuedKeyIds: queued.ids,
    definition,
  });
  warnOfBadKeys({ view: source.name, badKeys }, dependencies);
  return { outcome: 'idle', view: source.name, logRows: String(logRows), hasMore };
}

/** Returns how long the extraction has taken, in milliseconds. */
async function growBatches(
  extraction: Extraction,
  captured: Capture,
  dependencies: Dependencies,
): Promise<number> {
  const durationMs = dependencies.clock.nowMs() - extraction.startedMs;
  await growAfter(extentOf(extraction, batchFill(extraction, captured)), durationMs, dependencies);
  return durationMs;
}

/** Throws a RangeError, a bug, unless as many rows were written as were counted in the same snapshot. */
function assertComplete(batch: EtlTransaction, captured: Capture, rows: CopiedRows): void {
  if (batch.isComplete) return;
  if (BigInt(rows.upserts) === captured.upserts && BigInt(rows.deletes) === captured.deletes) return;
  throw new RangeError(
    `batch ${batch.id} counted ${captured.upserts} upserts and ${captured.deletes} deletes, but staged ${rows.upserts} and ${rows.deletes}`,
  );
}
