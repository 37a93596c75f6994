import { abandonBatch } from '../../shared/batch/abandon-batch.ts';
import { unlessForgotten } from '../../shared/batch/unless-forgotten.ts';
import { warnOverBudget } from '../../shared/batch/warn-over-budget.ts';
import { withViewLease } from '../../shared/batch/with-view-lease.ts';
import { MISSING_SECONDS } from '../../shared/control/schema-changes.ts';
import { ADVICE, DataHubError } from '../../shared/errors.ts';
import { APPLIER, type EtlTransaction, isBeingLoaded } from '../../shared/model/batch.ts';
import type { LoadType } from '../../shared/model/columns.ts';
import { thenResume } from '../../shared/model/resume-advice.ts';
import { stopReason } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { HaltedView, Invocation } from '../../shared/runtime/handle.ts';
import { VIEW_MISSING } from '../../shared/source/view-faults.ts';
import { extractBatch } from './extract-batch.ts';
import type { LeasedView } from './extraction.ts';
import type { BatchResult } from './hand-over.ts';
import { awaitLoad } from './load-batch.ts';
import { resumeCopy } from './resume-copy.ts';

export type ExtractResult =
  | BatchResult
  /** The view has a batch in flight, which was announced again. */
  | { outcome: 'republished'; view: string; etlTransactionId: string }
  | { outcome: 'busy'; view: string }
  | { outcome: 'skipped'; view: string; reason: string }
  | HaltedView;

/** A batch that stays staged for longer is abandoned: a new batch captures its rows again. */
const MAX_STAGED_MS = 24 * 3_600_000;

/**
 * Extracts one batch of a view and announces it. A view with a batch in flight is not extracted again: `extract` goes on with its copy, waits for its
 * load, or announces the batch again, since its message may have been lost. Safe to repeat and to run twice at once (I4).
 */
export async function extractView(
  view: string,
  trigger: string,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ExtractResult> {
  const { control } = dependencies;
  const stored = await unlessForgotten(view, invocation, dependencies, () => control.viewSources.get(view));
  if (stored === null) return { outcome: 'skipped', view, reason: 'forgotten' };
  const reason = stopReason(stored);
  if (reason !== null) return { outcome: 'skipped', view, reason };
  const leased = await withViewLease(view, invocation, dependencies, async (lease, deadline) => {
    // Read again: the load type cannot change any more now that the view is leased.
    const { source, ...found } = await control.viewWork.ofExtract(view);
    const result = await extractLeased({ source, trigger, lease, deadline }, found, dependencies);
    return { result, loadType: source.loadType };
  });
  if (leased.outcome === 'view halted') return leased;
  if (leased.outcome === 'busy') return { outcome: 'busy', view };
  const { result, loadType } = leased.result;
  await requestNext(result, loadType, dependencies);
  return result;
}

async function extractLeased(
  leased: LeasedView,
  { inFlight, isOverBudget }: { inFlight: EtlTransaction | null; isOverBudget: boolean },
  dependencies: Dependencies,
): Promise<ExtractResult> {
  const { control } = dependencies;
  // A merge that has begun is billed already: it is announced, so that its result is seen.
  if (inFlight?.state !== 'applying' && warnOverBudget(leased.source.name, isOverBudget, dependencies)) {
    return { outcome: 'skipped', view: leased.source.name, reason: 'over budget' };
  }
  try {
    const continued = inFlight === null ? null : await continueBatch(inFlight, leased, dependencies);
    return continued ?? (await beginBatch(leased, dependencies));
  } catch (error) {
    if (!(error instanceof DataHubError)) throw error;
    if (error.kind === 'batch_id_collision') await control.batchIds.skip();
    if (error.kind === 'batch_id_collision' || error.kind === 'staging_lost') {
      await abandonCopy(error, leased, dependencies);
    }
    throw error.context.code === VIEW_MISSING ? await missingView(error, leased, dependencies) : error;
  }
}

/** A copy in slices would go on, and meet the same objects again. */
async function abandonCopy(
  { message }: DataHubError,
  { source, lease }: LeasedView,
  dependencies: Dependencies,
): Promise<void> {
  const batch = await dependencies.control.batches.findInFlight(source.name);
  if (batch?.state === 'extracting') await abandonBatch(lease, batch, message, dependencies);
}

async function beginBatch(leased: LeasedView, dependencies: Dependencies): Promise<ExtractResult> {
  const { control } = dependencies;
  const { name, resyncRequestedAt, resyncBySystem } = leased.source;
  if (resyncRequestedAt !== null && resyncBySystem && (await control.schemaChanges.mustWait(name))) {
    return { outcome: 'skipped', view: name, reason: 'its resync waits for those of other views' };
  }
  return await extractBatch(leased, dependencies);
}

/**
 * The error for a view that the source does not have. One that was loaded before may be made again in a moment, for example by a
 * deployment that drops and creates it: it is retried for a while before it is halted.
 */
async function missingView(
  error: DataHubError,
  { source, lease }: LeasedView,
  { control }: Dependencies,
): Promise<DataHubError> {
  if ((await control.checkpoints.read(source.name)) === null) return error;
  if ((await control.schemaChanges.noteMissing(lease)) > MISSING_SECONDS) {
    return error.advice === ADVICE.configuration ? error.withAdvice(goneAdvice(source.name)) : error;
  }
  return new DataHubError('transient', `${error.message}; it is looked for again for ten minutes`, {
    context: error.context,
    advice:
      error.advice === ADVICE.configuration
        ? 'Create the view again, with the rights of the role, unless somebody is doing that. The functions retry by themselves.'
        : error.advice,
    cause: error,
  });
}

const goneAdvice = (view: string): string =>
  `Create the view again, or give it its former name, and let the source role read it (sql/source/reader-role.sql). ${thenResume(view)} Or stop replicating it: {"view":${JSON.stringify(view)},"forget":true}.`;

/** Publishes what must follow, after the lease was released: the applier can take it at once. */
async function requestNext(
  result: ExtractResult,
  loadType: LoadType,
  { events }: Dependencies,
): Promise<void> {
  if (result.outcome === 'staged' || result.outcome === 'republished') {
    await events.announceBatch(APPLIER[loadType], result.view, BigInt(result.etlTransactionId));
  }
  if (result.outcome === 'resync requested') await events.requestExtract(result.view, 'resync');
  if (result.outcome === 'copying') await events.requestExtract(result.view, 'copy');
  if (result.outcome === 'loading') await events.requestExtract(result.view, 'load');
  if (result.outcome === 'idle' && result.hasMore) await events.requestExtract(result.view, 'continue');
}

/** Continues a batch in flight. Returns null after abandoning it: its log rows must be captured again. */
async function continueBatch(
  batch: EtlTransaction,
  leased: LeasedView,
  dependencies: Dependencies,
): Promise<ExtractResult | null> {
  const { source, lease } = leased;
  const copy = batch.state === 'extracting' ? await dependencies.control.slicedCopies.read(batch.id) : null;
  const resumed = copy === null ? null : await resumeCopy(batch, copy, leased, dependencies);
  if (resumed !== null && 'outcome' in resumed) return resumed;
  const why = resumed?.abandon ?? reasonToAbandon(batch, dependencies);
  if (why !== null) {
    await abandonBatch(lease, batch, why, dependencies);
    return null;
  }
  const named = { view: source.name, etlTransactionId: String(batch.id) };
  if (!isBeingLoaded(batch, source.loadType)) return { outcome: 'republished', ...named };
  try {
    const isLoaded = await awaitLoad(batch, leased, dependencies);
    return { outcome: isLoaded ? 'republished' : 'loading', ...named };
  } catch (error) {
    if (!(error instanceof DataHubError) || error.kind !== 'staging_lost') throw error;
    await abandonBatch(lease, batch, error.message, dependencies);
    return null;
  }
}

function reasonToAbandon({ state, stagedAt }: EtlTransaction, { clock }: Dependencies): string | null {
  if (state === 'extracting') return 'its process ended before the batch was staged';
  const isStale = state === 'staged' && clock.nowMs() - (stagedAt?.getTime() ?? 0) > MAX_STAGED_MS;
  return isStale ? 'staged for more than 24 hours' : null;
}
