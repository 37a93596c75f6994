import pRetry from 'p-retry';
import { type BatchOutcome, type LeasedBatch, recapture } from '../../shared/batch/apply-batch.ts';
import { assertWithinDeleteLimit } from '../../shared/batch/delete-limit.ts';
import { assertOwnTarget } from '../../shared/batch/own-target.ts';
import type { Deadline } from '../../shared/deadline.ts';
import { DataHubError, dispositionOf } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Attempt } from '../../shared/warehouse/attempt.ts';
import type { MergeOutcome } from '../../shared/warehouse/merge-outcome.ts';
import { EMPTY_VIEW } from '../../shared/warehouse/procedure-sql.ts';
import { loadTarget } from './load-target.ts';

const ATTEMPTS = 4;

/**
 * Merges one staged batch, attempt by attempt with back-off: calls the procedure under a job id of the attempt, waits for the job, and records
 * counts and checkpoint in one control transaction. A batch that was staged for it is loaded straight into its empty target first. Safe to repeat and to run twice at once (I4, I5): a job that was started before is found
 * by its id.
 */
export async function applyMerge(leased: LeasedBatch, dependencies: Dependencies): Promise<BatchOutcome> {
  return await pRetry(() => attemptOnce(leased, dependencies), {
    retries: ATTEMPTS - 1,
    minTimeout: 500,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof AttemptFailed,
  }).catch((error: unknown) => {
    throw error instanceof AttemptFailed ? error.cause : error;
  });
}

/** Whether the merge job of the batch was started before. A process may end between recording its name and starting it. */
export async function hasBegunMerge(
  { id, view, attempt }: EtlTransaction,
  { warehouse }: Dependencies,
): Promise<boolean> {
  return await warehouse.hasBegunMerge({ view, etlTransactionId: id, attempt });
}

/** Makes one attempt under a job id of its own, which starts only after the previous attempt failed. Throws AttemptFailed for a passing failure. */
async function attemptOnce(leased: LeasedBatch, dependencies: Dependencies): Promise<BatchOutcome> {
  const { control, warehouse } = dependencies;
  const { id, source, lease, deadline } = leased;
  const batch = await control.batches.claim(lease, id, ({ view, attempt }) =>
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
  const hasBegun = batch.isTakenOver && (await hasBegunMerge(batch, dependencies));
  const unmerged = hasBegun ? null : await prepareMerge(batch, attempt, leased, dependencies);
  const merged = unmerged ?? (await warehouse.merge(attempt, rowsToMerge(batch), deadline));
  if (merged.state === 'running') return { state: 'running' };
  if (merged.state === 'applied') {
    const { counts, targetRows } = merged;
    const snapshot = await warehouse.snapshotTarget(source);
    const applied = await control.batches.markApplied(lease, batch, counts, { targetRows, snapshot });
    return { state: 'applied', counts, applied };
  }
  const { error } = merged;
  if (merged.state === 'failed' && dispositionOf(error) !== 'retry') throw error;

  const isLost = merged.state === 'staging_lost';
  const canLoadAgain = isLost && !batch.isDirectLoad;
  await control.batches.markForNextAttempt(lease, batch, canLoadAgain);
  const mustRecapture =
    merged.state === 'batch_id_collision' ||
    (isLost && !(canLoadAgain && (await isStagedCompletely(batch, dependencies))));
  if (mustRecapture) return await recapture(leased, error, dependencies);
  // A missing right will not be there a second later: the event is delivered again.
  throw error.kind === 'unauthorized' ? error : new AttemptFailed(error);
}

type Unmerged = Extract<MergeOutcome, { state: 'running' | 'staging_lost' | 'batch_id_collision' }>;

/**
 * Brings the rows of a batch to where its merge looks for them, and checks what a merge that has begun was checked for before: counting again would bill
 * another scan of the target. Returns null once the merge may begin.
 */
async function prepareMerge(
  batch: EtlTransaction,
  attempt: Attempt,
  leased: LeasedBatch,
  dependencies: Dependencies,
): Promise<Unmerged | null> {
  const { source } = leased;
  await assertOwnTarget(source.name, await dependencies.warehouse.findTarget(source), dependencies);
  const unloaded = await loadRows(batch, attempt, leased, dependencies).catch(lossOf);
  if (unloaded === null) await assertDeletesFew(batch, attempt, leased, dependencies);
  return unloaded;
}

/** Returns null once the rows of the batch are in the temp table, or a load job has tried to bring them into the target. */
async function loadRows(
  batch: EtlTransaction,
  attempt: Attempt,
  leased: LeasedBatch,
  dependencies: Dependencies,
): Promise<{ state: 'running' } | null> {
  if (batch.isDirectLoad && stagedRows(batch) > 0n)
    return await loadTarget(batch, attempt, leased, dependencies);
  return batch.loadAttempt > 1 ? await loadAgain(batch, attempt, leased.deadline, dependencies) : null;
}

/** A failure after which the rows of the batch cannot be loaded any more. Throws any other one. */
function lossOf(error: unknown): Unmerged {
  if (!(error instanceof DataHubError)) throw error;
  if (error.kind === 'staging_lost' || error.kind === 'batch_id_collision')
    return { state: error.kind, error };
  throw error;
}

const stagedRows = ({ stagedUpserts, stagedDeletes }: EtlTransaction): bigint =>
  stagedUpserts + stagedDeletes;

/** An empty view is a reason to delete only where an operator accepted that. */
function rowsToMerge(batch: EtlTransaction): bigint {
  const rows = stagedRows(batch);
  return rows === 0n && batch.isComplete && batch.acceptsDeletes ? EMPTY_VIEW : rows;
}

/**
 * Throws `configuration` when a complete batch would delete too many rows. If its staged rows are not all there, it either was merged before
 * or lost them, and the procedure tells which.
 */
async function assertDeletesFew(
  batch: EtlTransaction,
  attempt: Attempt,
  { source, lease, deadline }: LeasedBatch,
  { warehouse }: Dependencies,
): Promise<void> {
  if (!batch.isComplete || batch.acceptsDeletes || batch.targetRows === 0n) return;
  const counts = await warehouse.countDeletes(attempt, source.keyColumn, lease.token, deadline);
  if (counts.staged >= stagedRows(batch)) assertWithinDeleteLimit(batch, source, counts);
}

/** An attempt failed for a passing reason, its `cause`. */
class AttemptFailed extends Error {
  constructor(cause: DataHubError) {
    super(cause.message, { cause });
  }
}

/** Whether all staged objects are there to be loaded again. A manifest that cannot be read counts as lost. */
async function isStagedCompletely(batch: EtlTransaction, { staging }: Dependencies): Promise<boolean> {
  const manifest = await staging.readManifest(batch.stagedPrefix).catch((error: unknown) => {
    if (error instanceof DataHubError && error.kind === 'staging_lost') return null;
    throw error;
  });
  return manifest !== null && (await staging.missing(manifest)).length === 0;
}

/**
 * Loads the batch's staged objects again, under the name of the attempt that asked for it, so that at most one load of a batch succeeds. Returns
 * null once the rows are in the temp table.
 */
async function loadAgain(
  batch: EtlTransaction,
  attempt: Attempt,
  deadline: Deadline,
  { staging, warehouse }: Dependencies,
): Promise<{ state: 'running' } | null> {
  const manifest = await staging.readManifest(batch.stagedPrefix);
  if (manifest === null) {
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} is gone`);
  }
  const files = staging.files(manifest);
  const jobId = await warehouse.load({ ...attempt, attempt: batch.loadAttempt }, files, deadline);
  return jobId === null ? { state: 'running' } : null;
}
