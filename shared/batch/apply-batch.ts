import type { EtlTransaction, Progress } from '../control/batches.ts';
import type { Lease } from '../control/leases.ts';
import { DataHubError } from '../errors.ts';
import type { BatchEvent } from '../events/messages.ts';
import type { Counts } from '../model/batch.ts';
import { NEXT } from '../model/batch-states.ts';
import type { LoadType } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Invocation } from '../runtime/handle.ts';
import { abandon } from './abandon-batch.ts';
import { isBeingLoaded } from './is-being-loaded.ts';
import { withViewLease } from './with-view-lease.ts';

export type ApplyResult =
  | {
      outcome: 'applied';
      view: string;
      etlTransactionId: string;
      added: string;
      changed: string;
      deleted: string;
    }
  /**
   * Running: BigQuery's job goes on without us; the next tick looks at it again. Continued: we stopped before our time limit,
   * and the batch is announced again.
   */
  | {
      outcome: 'running' | 'continued' | 'busy' | 'skipped' | 'recaptured';
      view: string;
      etlTransactionId: string;
    }
  /** The batch was settled before. */
  | { outcome: 'already finished'; view: string; etlTransactionId: string; state: string };

/** How far a batch was brought. */
export type Settled =
  | { state: 'applied'; counts: Counts; lagMs: number | null }
  | { state: 'running' }
  | { state: 'continued'; progress: Progress }
  | { state: 'recaptured' }
  | { state: 'already finished'; batch: EtlTransaction };

/** A batch whose view is held. */
export type HeldBatch = {
  id: bigint;
  source: ViewSource;
  lease: Lease;
  /** Aborts when the lease is lost. */
  signal: AbortSignal;
};

/** One way to apply batches. */
export type Applier = {
  loadType: LoadType;
  /** The function that it is part of, whose topic the batches are announced on. */
  functionName: 'merge' | 'stream';
  /** Brings the batch to an end, as far as it can. */
  settle: (held: HeldBatch, dependencies: Dependencies) => Promise<Settled>;
};

/**
 * Applies one staged batch of a view of the applier's load type, and asks for what follows. Safe to repeat and to run twice at
 * once (I4, I5): a batch that was applied is left alone.
 */
export async function applyBatch(
  event: BatchEvent,
  applier: Applier,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ApplyResult> {
  const { control, events, log, clock } = dependencies;
  const startedMs = clock.nowMs();
  const named = { view: event.view, etlTransactionId: String(event.etlTransactionId) };
  const source = await control.getViewSource(event.view);
  const batch = await control.getBatch(event.view, event.etlTransactionId);
  const context = { view: source.name, etlTransactionId: batch.id };
  if (NEXT[batch.state].length === 0) {
    return { outcome: 'already finished', ...named, state: batch.state };
  }
  if (source.loadType !== applier.loadType) {
    throw new DataHubError(
      'invalid_event',
      `view ${source.name} is not applied by ${invocation.functionName}: its load type is ${source.loadType}`,
      { context },
    );
  }
  if (batch.state === 'extracting' || isBeingLoaded(batch, source.loadType)) {
    throw new DataHubError('transient', `ETL transaction ${batch.id} is still being extracted`, { context });
  }
  if (source.paused || source.haltedReason !== null) return { outcome: 'skipped', ...named };

  const held = await withViewLease(source.name, invocation, dependencies, (lease, signal) =>
    applier.settle({ id: batch.id, source, lease, signal }, dependencies),
  );
  if (!held.held) return { outcome: 'busy', ...named };
  const settled = held.result;
  const durationMs = () => clock.nowMs() - startedMs;
  switch (settled.state) {
    case 'already finished':
      return { outcome: 'already finished', ...named, state: settled.batch.state };
    case 'running':
      log.info({ ...named, durationMs: durationMs() }, 'batch still being applied');
      return { outcome: 'running', ...named };
    case 'continued':
      log.info(
        { ...named, rows: settled.progress.rows, durationMs: durationMs() },
        'batch continues before the time limit',
      );
      await events.announceBatch(applier.functionName, source.name, batch.id);
      return { outcome: 'continued', ...named };
    case 'recaptured':
      await events.requestExtract(source.name, 'recapture');
      return { outcome: 'recaptured', ...named };
    case 'applied': {
      const { added, changed, deleted } = settled.counts;
      const counts = { added: String(added), changed: String(changed), deleted: String(deleted) };
      const { lagMs } = settled;
      log.info({ ...named, kind: batch.kind, ...counts, lagMs, durationMs: durationMs() }, 'batch applied');
      if (batch.hasMore) await events.requestExtract(source.name, 'continue');
      return { outcome: 'applied', ...named, ...counts };
    }
  }
}

/** Gives a batch up that was put back to `staged`, for a loss that only capturing its log rows again makes good. */
export async function recapture(
  { id, lease }: Pick<HeldBatch, 'id' | 'lease'>,
  loss: DataHubError,
  dependencies: Dependencies,
): Promise<Settled> {
  const { control } = dependencies;
  await abandon(lease, { id, state: 'staged' }, loss.message, dependencies);
  if (loss.kind === 'batch_id_collision') await control.skipBatchIds();
  return { state: 'recaptured' };
}
