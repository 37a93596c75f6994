import type pg from 'pg';
import { batchSize } from '../../shared/batch/batch-size.ts';
import type { SlicedCopy } from '../../shared/control/sliced-copies.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import { otherLog, otherSource } from '../../shared/model/log-origin.ts';
import { definitionChange } from '../../shared/model/view-fingerprint.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { readLogState } from '../../shared/source/change-log.ts';
import { describeView, type SourceView } from '../../shared/source/describe-view.ts';
import { readLogOrigin } from '../../shared/source/log-origin.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { fingerprintView } from '../../shared/source/view-fingerprint.ts';
import type { Extraction, LeasedView } from './extraction.ts';
import { type BatchResult, goOnLater, handOver } from './hand-over.ts';
import { copyFingerprint } from './plan-copy.ts';
import type { StagedBatch } from './stage.ts';
import { stageSlices } from './stage-whole.ts';

/**
 * Goes on with a batch whose former call had no time for all slices, or ended. Slices that are left are read in a snapshot of this call; the checkpoint of
 * the batch is that of its first snapshot, so that whatever changed since is captured after it (docs/architecture.md#flow). Returns why the batch must
 * be abandoned instead: its slices would not fit together.
 */
export async function resumeCopy(
  batch: EtlTransaction,
  copy: SlicedCopy,
  leased: LeasedView,
  dependencies: Dependencies,
): Promise<BatchResult | { abandon: string }> {
  const { clock, config, source } = dependencies;
  const extraction: Extraction = {
    ...leased,
    startedMs: clock.nowMs(),
    stored: null,
    checkpoint: null,
    queued: { ids: [], keys: [], kind: null },
    size: batchSize(null, config),
  };
  const staged = await inSnapshot(source, async (client) => {
    const view = await describeView(client, leased.source, config.contentTypeTable);
    const abandon = await whyUnfit(client, view, { batch, copy, leased }, dependencies);
    if (abandon !== null) return { abandon };
    await takeOver(batch, leased, dependencies);
    return await stageSlices(client, extraction, { view, batch, hasDeletes: false }, dependencies);
  });
  if (staged === null) return await goOnLater(batch, dependencies);
  if ('abandon' in staged) return staged;
  const resumed: StagedBatch = {
    batch: { ...batch, hasMore: true },
    captured: {
      ...{ logRows: 0n, badKeys: 0n, upserts: 0n, deletes: 0n },
      ...{ oldestChangeAt: null, cutId: null, unnamedNulls: [], resyncId: null },
      next: batch.nextCheckpoint,
    },
    rows: staged,
    counted: null,
  };
  return await handOver(resumed, extraction, dependencies);
}

async function whyUnfit(
  client: pg.ClientBase,
  view: SourceView,
  { batch, copy, leased }: { batch: EtlTransaction; copy: SlicedCopy; leased: LeasedView },
  { config, control }: Dependencies,
): Promise<string | null> {
  const change = definitionChange(batch.definition, await fingerprintView(client, view));
  if (change === 'replaced' || change === 'settings') return 'the view was replaced while it was copied';
  if (copyFingerprint(view, leased.source, batch) !== copy.fingerprint) {
    return 'the columns or rules of the view changed while it was copied';
  }
  const before = await control.logOrigins.read(view.name);
  const now = await readLogOrigin(client, config.changeLogTable);
  if (before !== null && (otherLog(before, now) ?? otherSource(before, now)) !== null) {
    return 'the source is another one than when the copy began';
  }
  return await readLogState(client, config.changeLogTable, batch.nextCheckpoint).then(
    () => null,
    (error: unknown) => {
      // A new capture begins with the log as it is now, or is refused, too.
      if (error instanceof DataHubError && error.kind === 'source_refused') return error.message;
      throw error;
    },
  );
}

/** A call that ends without a copied slice leaves no other trace. */
async function takeOver(
  { id, view }: EtlTransaction,
  { lease }: LeasedView,
  { control, log }: Dependencies,
): Promise<void> {
  const stalls = await control.slicedCopies.resume(lease, id);
  const line = { view, etlTransactionId: String(id), callsWithoutSlice: stalls - 1 };
  if (stalls < 3) log.info(line, 'copy resumed');
  else log.error(line, 'copy resumed again without progress');
}
