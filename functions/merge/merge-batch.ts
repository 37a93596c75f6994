import pRetry from 'p-retry';
import type { EtlTransaction } from '../../shared/control/etl-transactions.ts';
import type { Lease } from '../../shared/control/leases.ts';
import type { Counts } from '../../shared/counts.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { BatchEvent } from '../../shared/events/messages.ts';
import type { ViewSource } from '../../shared/view-source.ts';
import type { Attempt } from '../../shared/warehouse/warehouse.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Invocation } from '../handle.ts';
import { deadlineOf, holdView } from '../hold-view.ts';

export type MergeResult =
  | {
      outcome: 'applied';
      view: string;
      etlTransactionId: string;
      added: string;
      changed: string;
      deleted: string;
    }
  /** The job goes on without us; the next tick looks at it again. */
  | { outcome: 'running' | 'busy' | 'skipped' | 'recaptured'; view: string; etlTransactionId: string }
  /** The batch was settled before. */
  | { outcome: 'already settled'; view: string; etlTransactionId: string; state: string };

type Applied = { state: 'applied'; counts: Counts; lagMs: number | null };
type Settled =
  | Applied
  | { state: 'running' }
  | { state: 'recaptured'; why: string }
  | { state: 'already settled'; batch: EtlTransaction };

const TRIES = 4;

/**
 * Applies one staged batch: calls the procedure under a job id of its own, waits, reads the counts, and sets state and
 * checkpoint in one control transaction. Safe to repeat and to run twice at once (I4, I5): a job that was started before is
 * found by its id, a batch that was applied is left alone.
 */
export async function mergeBatch(
  event: BatchEvent,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<MergeResult> {
  const { control, events, log, clock } = dependencies;
  const startedMs = clock.nowMs();
  const named = { view: event.view, etlTransactionId: String(event.etlTransactionId) };
  const source = await control.getViewSource(event.view);
  const batch = await control.getBatch(event.view, event.etlTransactionId);
  if (source.loadType !== 'merge') {
    throw new DataHubError(
      'invalid_event',
      `view ${source.name} is not merged: its load type is ${source.loadType}`,
      {
        context: { view: source.name, etlTransactionId: batch.id },
      },
    );
  }
  if (batch.state === 'extracting') {
    throw new DataHubError('transient', `ETL transaction ${batch.id} is still being extracted`, {
      context: { view: source.name, etlTransactionId: batch.id },
    });
  }
  if (source.paused || source.haltedReason !== null) return { outcome: 'skipped', ...named };

  const held = await holdView(source.name, invocation, dependencies, (lease) =>
    settle(lease, source, batch.id, dependencies),
  );
  if (!held.held) return { outcome: 'busy', ...named };
  const settled = held.result;
  switch (settled.state) {
    case 'already settled':
      return { outcome: 'already settled', ...named, state: settled.batch.state };
    case 'running':
      log.info({ ...named, durationMs: clock.nowMs() - startedMs }, 'merge still running');
      return { outcome: 'running', ...named };
    case 'recaptured':
      log.warn({ ...named, why: settled.why }, 'batch abandoned');
      await events.requestExtract(source.name, 'recapture');
      return { outcome: 'recaptured', ...named };
    case 'applied': {
      const { added, changed, deleted } = settled.counts;
      const counts = { added: String(added), changed: String(changed), deleted: String(deleted) };
      log.info(
        {
          ...named,
          kind: batch.kind,
          ...counts,
          lagMs: settled.lagMs,
          durationMs: clock.nowMs() - startedMs,
        },
        'batch applied',
      );
      if (batch.hasMore) await events.requestExtract(source.name, 'continue');
      return { outcome: 'applied', ...named, ...counts };
    }
  }
}

/** Brings the batch to an end, attempt by attempt, with back-off in between. */
async function settle(
  lease: Lease,
  source: ViewSource,
  id: bigint,
  dependencies: Dependencies,
): Promise<Settled> {
  const deadlineMs = deadlineOf(dependencies);
  return await pRetry(() => attemptOnce(lease, source, id, dependencies, deadlineMs), {
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
  lease: Lease,
  source: ViewSource,
  id: bigint,
  dependencies: Dependencies,
  deadlineMs: number,
): Promise<Settled> {
  const { control, warehouse } = dependencies;
  const batch = await control.claimForApply(lease, id, ({ view, attempt }) =>
    warehouse.mergeJobId({ view, etlTransactionId: id, attempt }),
  );
  if (batch.state !== 'applying') return { state: 'already settled', batch };
  const attempt: Attempt = {
    view: batch.view,
    target: source.targetName,
    etlTransactionId: id,
    token: batch.token,
    attempt: batch.attempt,
  };
  const lost = batch.loadAttempt > 1 ? await loadAgain(batch, attempt, dependencies, deadlineMs) : null;
  const merged =
    lost ?? (await warehouse.merge(attempt, batch.stagedUpserts + batch.stagedDeletes, deadlineMs));
  if (merged.state === 'running') return { state: 'running' };
  if (merged.state === 'applied') {
    const lagMs = await control.markApplied(lease, batch, merged.counts);
    return { state: 'applied', counts: merged.counts, lagMs };
  }
  if (merged.state === 'failed' && merged.error.kind !== 'transient') throw merged.error;

  const isLost = merged.state === 'staging_lost';
  await control.markForNextAttempt(lease, batch, isLost);
  const isGivenUp =
    merged.state === 'number_reused' || (isLost && !(await isStagedWhole(batch, dependencies)));
  if (!isGivenUp) throw new TryAgain(merged.error);
  await control.abandonBatch(lease, { ...batch, state: 'staged' }, merged.error.message);
  if (merged.state === 'number_reused') await control.leapNumbers();
  return { state: 'recaptured', why: merged.error.message };
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
 * that two loads of one batch never both succeed. Answers the loss when a staged object is gone by now.
 */
async function loadAgain(
  batch: EtlTransaction,
  attempt: Attempt,
  { staging, warehouse }: Dependencies,
  deadlineMs: number,
): Promise<{ state: 'staging_lost'; error: DataHubError } | null> {
  try {
    const manifest = await staging.readManifest(batch.stagedPrefix);
    if (manifest === null) {
      throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} is gone`);
    }
    const uris = manifest.objects.map(staging.uri);
    await warehouse.load({ ...attempt, attempt: batch.loadAttempt }, uris, deadlineMs);
    return null;
  } catch (error) {
    if (error instanceof DataHubError && error.kind === 'staging_lost')
      return { state: 'staging_lost', error };
    throw error;
  }
}
