import { abandon } from '../../shared/batch/abandon-batch.ts';
import { isBeingLoaded } from '../../shared/batch/is-being-loaded.ts';
import { withViewLease } from '../../shared/batch/with-view-lease.ts';
import type { EtlTransaction } from '../../shared/control/batches.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { LoadType } from '../../shared/model/columns.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Invocation } from '../../shared/runtime/handle.ts';
import { badKeysAmong, describeView } from '../../shared/source/describe-view.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { type BatchResult, extractBatch } from './extract-batch.ts';
import { awaitLoad } from './load-staged.ts';
import { stopReason } from './tick.ts';

export type ExtractResult =
  | BatchResult
  /** The view has a batch in flight; its event was published again. */
  | { outcome: 'republished'; view: string; etlTransactionId: string }
  | { outcome: 'busy'; view: string }
  | { outcome: 'skipped'; view: string; reason: string };

type Extracted = { result: ExtractResult; loadType: LoadType };

/** The function that applies the batches of a load type. */
const APPLIERS = { merge: 'merge', 'bq-storage-api': 'stream' } as const;

/** After so long a staged batch is not waited for any more: its rows are captured again under a new number. */
const STAGED_FOR_TOO_LONG_MS = 24 * 3_600_000;

/**
 * Extracts one batch of a view: captures, fetches, stages, and announces it. A view whose batch is in flight is not extracted
 * again: its load is waited for, or its event is published again, since it may have been lost. Safe to repeat and to run twice at
 * once (I4).
 */
export async function extractView(
  view: string,
  trigger: string,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ExtractResult> {
  const { control, events } = dependencies;
  const reason = stopReason(await control.getViewSource(view));
  if (reason !== null) return { outcome: 'skipped', view, reason };
  const held = await withViewLease<Extracted>(view, invocation, dependencies, async (lease, signal) => {
    // Its load type does not change while the view is held.
    const source = await control.getViewSource(view);
    const { loadType } = source;
    const inFlight = await control.findInFlight(view);
    const goingOn = inFlight && (await goOn(inFlight, source, lease, signal, dependencies));
    if (goingOn !== null) return { result: goingOn, loadType };
    try {
      return { result: await extractBatch(source, trigger, lease, signal, dependencies), loadType };
    } catch (error) {
      if (error instanceof DataHubError && error.kind === 'batch_id_collision') await control.skipBatchIds();
      throw error;
    }
  });
  if (!held.held) return { outcome: 'busy', view };
  const { result, loadType } = held.result;
  // After the lease is given back, so that the applier can take it at once.
  if (result.outcome === 'staged' || result.outcome === 'republished') {
    await events.announceBatch(APPLIERS[loadType], view, BigInt(result.etlTransactionId));
  }
  if (result.outcome === 'loading') await events.requestExtract(view, 'load');
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

/** Goes on with a batch that is in flight while we hold the lease. Null when it was abandoned: its log rows are to be captured again. */
async function goOn(
  batch: EtlTransaction,
  source: ViewSource,
  lease: Lease,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<ExtractResult | null> {
  const why = whyGivenUp(batch, dependencies);
  if (why !== null) {
    await abandon(lease, batch, why, dependencies);
    return null;
  }
  const named = { view: source.name, etlTransactionId: String(batch.id) };
  if (!isBeingLoaded(batch, source.loadType)) return { outcome: 'republished', ...named };
  try {
    const isLoaded = await awaitLoad(batch, source, lease, signal, dependencies);
    return { outcome: isLoaded ? 'republished' : 'loading', ...named };
  } catch (error) {
    if (!(error instanceof DataHubError) || error.kind !== 'staging_lost') throw error;
    await abandon(lease, batch, error.message, dependencies);
    return null;
  }
}

function whyGivenUp({ state, stagedAt }: EtlTransaction, { clock }: Dependencies): string | null {
  if (state === 'extracting') return 'its process ended before the batch was staged';
  const isStale = state === 'staged' && clock.nowMs() - (stagedAt?.getTime() ?? 0) > STAGED_FOR_TOO_LONG_MS;
  return isStale ? 'staged for more than 24 hours' : null;
}
