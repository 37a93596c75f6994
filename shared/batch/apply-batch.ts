import type { Applied } from '../control/batch-transitions.ts';
import type { Lease } from '../control/leases.ts';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import { type BatchEvent, parseBatchEvent } from '../events/batch-event.ts';
import { APPLIER, type Counts, type EtlTransaction, isBeingLoaded, type Progress } from '../model/batch.ts';
import { NEXT } from '../model/batch-states.ts';
import type { LoadType } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { HaltedView, Invocation, Step } from '../runtime/handle.ts';
import { abandonBatch } from './abandon-batch.ts';
import { unlessForgotten } from './unless-forgotten.ts';
import { warnOfBadKeys } from './warn-of-bad-keys.ts';
import { warnOfDifference } from './warn-of-difference.ts';
import { warnOverBudget } from './warn-over-budget.ts';
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
   * Running: BigQuery's job outlives this call; the next tick checks it. Continued: this call stopped before its time limit and
   * announced the batch again. Recaptured: the batch was abandoned, and its changes are captured again.
   */
  | {
      outcome: 'running' | 'continued' | 'busy' | 'skipped' | 'recaptured';
      view: string;
      etlTransactionId: string;
    }
  /** The batch had already reached a final state. */
  | { outcome: 'already finished'; view: string; etlTransactionId: string; state: string }
  | HaltedView;

/** How far one call brought a batch. */
export type BatchOutcome =
  | { state: 'applied'; counts: Counts; applied: Applied }
  | { state: 'running' }
  | { state: 'continued'; progress: Progress }
  | { state: 'recaptured' }
  | { state: 'already finished'; batch: EtlTransaction };

/** A batch whose view this process holds. */
export type LeasedBatch = { id: bigint; source: ViewSource; lease: Lease; deadline: Deadline };

/** One way to apply batches: brings a batch to a final state, as far as the deadline allows. */
export type Applier = {
  loadType: LoadType;
  /** Whether BigQuery works on an `applying` batch already, or has done so, so that looking at it costs nothing more. */
  hasBegun: (batch: EtlTransaction, dependencies: Dependencies) => Promise<boolean>;
  apply: (batch: LeasedBatch, dependencies: Dependencies) => Promise<BatchOutcome>;
};

/** The step of a function that applies the batch its event names. */
export function applying(applier: Applier): Step {
  return (payload, invocation, dependencies) =>
    applyBatch(parseBatchEvent(payload), applier, invocation, dependencies);
}

/**
 * Applies one staged batch of a view with the applier's load type, and requests what must follow. Safe to repeat and to run twice at
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
  const found = await unlessForgotten(event.view, invocation, dependencies, () =>
    control.viewWork.ofApply(event.view, event.etlTransactionId),
  );
  if (found === null) return { outcome: 'skipped', ...named };
  const { source, batch } = found;
  if (NEXT[batch.state].length === 0) return { outcome: 'already finished', ...named, state: batch.state };
  assertReadyFor(applier, batch, source);
  if (source.paused || source.haltedReason !== null) return { outcome: 'skipped', ...named };

  const isHeld = warnOverBudget(source.name, found.isOverBudget, dependencies);
  if (isHeld && !(batch.state === 'applying' && (await applier.hasBegun(batch, dependencies)))) {
    return { outcome: 'skipped', ...named };
  }

  const leased = await withViewLease(source.name, invocation, dependencies, (lease, deadline) =>
    applier.apply({ id: batch.id, source, lease, deadline }, dependencies),
  );
  if (leased.outcome === 'view halted') return leased;
  if (leased.outcome === 'busy') return { outcome: 'busy', ...named };
  const outcome = leased.result;
  const durationMs = () => clock.nowMs() - startedMs;
  switch (outcome.state) {
    case 'already finished':
      return { outcome: 'already finished', ...named, state: outcome.batch.state };
    case 'running':
      log.info({ ...named, durationMs: durationMs() }, 'batch still being applied');
      return { outcome: 'running', ...named };
    case 'continued':
      log.info(
        { ...named, rows: outcome.progress.rows, durationMs: durationMs() },
        'batch continues before the time limit',
      );
      await events.announceBatch(APPLIER[applier.loadType], source.name, batch.id);
      return { outcome: 'continued', ...named };
    case 'recaptured':
      await events.requestExtract(source.name, 'recapture');
      return { outcome: 'recaptured', ...named };
    case 'applied': {
      const { added, changed, deleted, unchanged } = outcome.counts;
      const counts = {
        added: String(added),
        changed: String(changed),
        deleted: String(deleted),
        unchanged: String(unchanged),
      };
      const { lagMs } = outcome.applied;
      log.info({ ...named, kind: batch.kind, ...counts, lagMs, durationMs: durationMs() }, 'batch applied');
      warnOfBadKeys({ ...named, badKeys: batch.badKeys }, dependencies);
      warnOfDifference(batch, outcome.applied, dependencies);
      if (batch.hasMore) await events.requestExtract(source.name, 'continue');
      return { outcome: 'applied', ...named, ...counts };
    }
  }
}

/** Throws `invalid_event` for a view of another load type, and `transient` while `extract` still works on the batch. */
function assertReadyFor({ loadType }: Applier, batch: EtlTransaction, source: ViewSource): void {
  const context = { view: source.name, etlTransactionId: batch.id };
  if (source.loadType !== loadType) {
    throw new DataHubError(
      'invalid_event',
      `${APPLIER[loadType]} does not apply view ${source.name}: its load type is ${source.loadType}`,
      {
        context,
        advice: `Send the same to the function ${APPLIER[source.loadType]}. A tick announces the batch to it as well.`,
      },
    );
  }
  if (batch.state === 'extracting' || isBeingLoaded(batch, source.loadType)) {
    throw new DataHubError('transient', `ETL transaction ${batch.id} is still being extracted`, { context });
  }
}

/** Abandons a batch that is `staged` again after a loss that only a new capture of its log rows can repair. */
export async function recapture(
  { id, lease }: Pick<LeasedBatch, 'id' | 'lease'>,
  loss: DataHubError,
  dependencies: Dependencies,
): Promise<BatchOutcome> {
  await abandonBatch(lease, { id, state: 'staged' }, loss.message, dependencies);
  if (loss.kind === 'batch_id_collision') await dependencies.control.batchIds.skip();
  return { state: 'recaptured' };
}
