import pRetry from 'p-retry';
import type { EtlTransaction } from '../../shared/control/etl-transactions.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { BatchEvent } from '../../shared/events/messages.ts';
import type { ViewSource } from '../../shared/view-source.ts';
import type { Attempt, Counts } from '../../shared/warehouse/warehouse.ts';
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
  | { state: 'recaptured' }
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
      log.warn(named, 'batch abandoned: its staged objects are gone');
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

/** Brings the claimed batch to an end, attempt by attempt: each is a job id of its own, started after the last one failed. */
async function settle(
  lease: Lease,
  source: ViewSource,
  id: bigint,
  dependencies: Dependencies,
): Promise<Settled> {
  const { control, warehouse } = dependencies;
  const deadlineMs = deadlineOf(dependencies);
  return await pRetry(
    async () => {
      const batch = await control.claimForApply(lease, id, ({ view, attempt }) =>
        warehouse.mergeJobId({ view, etlTransactionId: id, attempt }),
      );
      if (batch.state !== 'applying') return { state: 'already settled', batch } as const;
      const attempt = {
        view: batch.view,
        target: source.targetName,
        etlTransactionId: id,
        attempt: batch.attempt,
      };
      const rows = batch.stagedUpserts + batch.stagedDeletes;
      const merged = await warehouse.merge(attempt, rows, deadlineMs);
      if (merged.state === 'running') return { state: 'running' } as const;
      if (merged.state === 'applied') {
        const lagMs = await control.markApplied(lease, batch, merged.counts);
        return { state: 'applied', counts: merged.counts, lagMs } as const;
      }
      if (merged.state === 'failed' && merged.error.kind !== 'transient') throw merged.error;
      const next = await control.markForNextAttempt(lease, batch);
      if (merged.state === 'staging_lost') {
        const staged = { ...batch, state: 'staged' as const };
        if (!(await stageAgain(lease, staged, { ...attempt, attempt: next }, dependencies, deadlineMs))) {
          await control.abandonBatch(lease, staged, merged.error.message);
          return { state: 'recaptured' } as const;
        }
      }
      throw new TryAgain(merged.error);
    },
    {
      retries: TRIES - 1,
      minTimeout: 500,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TryAgain,
    },
  ).catch((error: unknown) => {
    throw error instanceof TryAgain ? error.cause : error;
  });
}

/** An attempt failed for a reason that passes; `cause` is that reason. */
class TryAgain extends Error {
  constructor(cause: DataHubError) {
    super(cause.message, { cause });
  }
}

/** Loads the staged objects into the temp table once more; false when they are gone, or their manifest cannot be read. */
async function stageAgain(
  lease: Lease,
  batch: EtlTransaction,
  attempt: Attempt,
  { control, staging, warehouse }: Dependencies,
  deadlineMs: number,
): Promise<boolean> {
  try {
    const manifest = await staging.readManifest(batch.stagedPrefix);
    if (manifest === null || (await staging.missing(manifest)).length > 0) return false;
    const loadJobId = await warehouse.load(attempt, manifest.objects.map(staging.uri), deadlineMs);
    await control.setLoadJob(lease, batch.id, loadJobId);
    return true;
  } catch (error) {
    if (error instanceof DataHubError && error.kind === 'staging_lost') return false;
    throw error;
  }
}
