import pRetry from 'p-retry';
import {
  type ApplyResult,
  applyBatch,
  type HeldBatch,
  recapture,
  type Settled,
} from '../../shared/batch/apply-batch.ts';
import { deadlineOf } from '../../shared/batch/with-view-lease.ts';
import type { EtlTransaction } from '../../shared/control/batches.ts';
import { DataHubError, dispositionOf } from '../../shared/errors.ts';
import type { BatchEvent } from '../../shared/events/messages.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Invocation } from '../../shared/runtime/handle.ts';
import type { Attempt, MergeOutcome } from '../../shared/warehouse/warehouse.ts';

const TRIES = 4;

/**
 * Merges one staged batch: calls the procedure under a job id of its own, waits, reads the counts, and sets state and
 * checkpoint in one control transaction. Safe to repeat and to run twice at once (I4, I5): a job that was started before is
 * found by its id.
 */
export async function mergeBatch(
  event: BatchEvent,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ApplyResult> {
  return await applyBatch(
    event,
    { loadType: 'merge', functionName: 'merge', settle },
    invocation,
    dependencies,
  );
}

/** Brings the batch to an end, attempt by attempt, with back-off in between. */
async function settle(held: HeldBatch, dependencies: Dependencies): Promise<Settled> {
  const deadlineMs = deadlineOf(dependencies);
  return await pRetry(() => attemptOnce(held, dependencies, deadlineMs), {
    retries: TRIES - 1,
    minTimeout: 500,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof TryAgain,
  }).catch((error: unknown) => {
    throw error instanceof TryAgain ? error.cause : error;
  });
}

/** One attempt: a job id of its own, started only after the attempt before failed. Throws TryAgain for what may pass. */
async function attemptOnce(
  held: HeldBatch,
  dependencies: Dependencies,
  deadlineMs: number,
): Promise<Settled> {
  const { control, warehouse } = dependencies;
  const { id, source, lease } = held;
  const batch = await control.claimForApply(lease, id, ({ view, attempt }) =>
    warehouse.mergeJobId({ view, etlTransactionId: id, attempt }),
  );
  if (batch.state !== 'applying') return { state: 'already finished', batch };
  const attempt: Attempt = {
    view: batch.view,
    target: source.targetName,
    etlTransactionId: id,
    token: batch.token,
    attempt: batch.attempt,
  };
  const rows = batch.stagedUpserts + batch.stagedDeletes;
  const unloaded = batch.loadAttempt > 1 ? await loadAgain(batch, attempt, dependencies, deadlineMs) : null;
  const merged = unloaded ?? (await warehouse.merge(attempt, rows, deadlineMs));
  if (merged.state === 'running') return { state: 'running' };
  if (merged.state === 'applied') {
    const lagMs = await control.markApplied(lease, batch, merged.counts);
    return { state: 'applied', counts: merged.counts, lagMs };
  }
  if (merged.state === 'failed' && dispositionOf(merged.error) !== 'retry') throw merged.error;

  const isLost = merged.state === 'staging_lost';
  await control.markForNextAttempt(lease, batch, isLost);
  const isGivenUp =
    merged.state === 'batch_id_collision' || (isLost && !(await isStagedWhole(batch, dependencies)));
  // A right that is missing is not there a second later: the event comes again.
  if (!isGivenUp) throw merged.error.kind === 'unauthorized' ? merged.error : new TryAgain(merged.error);
  return await recapture(held, merged.error, dependencies);
}

/** An attempt failed for a reason that passes; `cause` is that reason. */
class TryAgain extends Error {
  constructor(cause: DataHubError) {
    super(cause.message, { cause });
  }
}

/** Whether the staged objects are there to be loaded again; a manifest that cannot be read is as good as none. */
async function isStagedWhole(batch: EtlTransaction, { staging }: Dependencies): Promise<boolean> {
  const manifest = await staging.readManifest(batch.stagedPrefix).catch((error: unknown) => {
    if (error instanceof DataHubError && error.kind === 'staging_lost') return null;
    throw error;
  });
  return manifest !== null && (await staging.missing(manifest)).length === 0;
}

/**
 * Brings the load that this batch wants again to its end: started here, or found by its name when it was started before, so
 * that two loads of one batch never both succeed. Answers null when the rows are there.
 */
async function loadAgain(
  batch: EtlTransaction,
  attempt: Attempt,
  { staging, warehouse }: Dependencies,
  deadlineMs: number,
): Promise<Extract<MergeOutcome, { state: 'running' | 'staging_lost' | 'batch_id_collision' }> | null> {
  try {
    const manifest = await staging.readManifest(batch.stagedPrefix);
    if (manifest === null) {
      throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} is gone`);
    }
    const uris = manifest.objects.map(staging.uri);
    const jobId = await warehouse.load({ ...attempt, attempt: batch.loadAttempt }, uris, deadlineMs);
    return jobId === null ? { state: 'running' } : null;
  } catch (error) {
    if (!(error instanceof DataHubError)) throw error;
    if (error.kind === 'staging_lost' || error.kind === 'batch_id_collision')
      return { state: error.kind, error };
    throw error;
  }
}
