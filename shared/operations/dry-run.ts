import { batchSize } from '../batch/batch-size.ts';
import { assertOwnTarget, mayTakeOver, takingOver } from '../batch/own-target.ts';
import { MISSING_SECONDS } from '../control/schema-changes.ts';
import { adviceByHand, asDataHubError, type DataHubError, dispositionOf } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import { type EtlTransaction, isBeingLoaded } from '../model/batch.ts';
import { definitionChange } from '../model/view-fingerprint.ts';
import type { ViewSource } from '../model/view-source.ts';
import { stopReason } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { capture } from '../source/capture.ts';
import { describeView } from '../source/describe-view.ts';
import { readLogOrigin } from '../source/log-origin.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { askedFor, unloggedChanges } from '../source/unlogged-changes.ts';
import { VIEW_MISSING } from '../source/view-faults.ts';
import { fingerprintView } from '../source/view-fingerprint.ts';
import type { FoundTable } from '../warehouse/found-table.ts';
import { acceptCostAdvice } from './accept-cost.ts';

export type Forecast = { view: string; would: string } & Partial<
  Record<'logRows' | 'upserts' | 'deletes' | 'badKeys' | 'queuedKeys' | 'advice' | 'lastError', string>
>;

/**
 * Says what a tick would do now, for one view or all; `lastError` is why the last attempt failed, if that is being retried. Changes nothing on
 * either side.
 */
export async function dryRun({ view }: Pick<OperationOf<'dryRun'>, 'view'>, dependencies: Dependencies) {
  const { control } = dependencies;
  const sources =
    view === undefined ? await control.viewSources.list() : [await control.viewSources.get(view)];
  const views: Forecast[] = [];
  for (const source of sources) {
    views.push(
      await forecast(source, dependencies).catch((thrown: unknown) =>
        forecastFailure(source.name, asDataHubError(thrown), dependencies),
      ),
    );
  }
  return { outcome: 'dry run', views };
}

/** A failure that passes is retried; so is a view that is missing, for a while, if it was loaded before. */
async function forecastFailure(
  view: string,
  error: DataHubError,
  { control }: Dependencies,
): Promise<Forecast> {
  const { message, context } = error;
  const advice = adviceByHand(error, 'operation');
  const isAwaited =
    context.code === VIEW_MISSING &&
    (await control.checkpoints.read(view)) !== null &&
    (await control.schemaChanges.missingSeconds(view)) <= MISSING_SECONDS;
  if (isAwaited) {
    return { view, would: `wait: ${message}; it is looked for again for ten minutes`, advice };
  }
  const isRetried = dispositionOf(error) === 'retry';
  return { view, would: `fail${isRetried ? ', and be retried' : ''}: ${message}`, advice };
}

async function forecast(viewSource: ViewSource, dependencies: Dependencies): Promise<Forecast> {
  const { control } = dependencies;
  const view = viewSource.name;
  const reason = stopReason(viewSource);
  if (reason !== null) return { view, would: `do nothing: ${reason}` };
  const [status] = await control.status.views(view);
  const inFlight = await control.batches.findInFlight(view);
  const target = await dependencies.warehouse.findTarget(viewSource);
  // A batch that is being extracted is captured again: as the whole view, after a resync was requested.
  const isStaged = inFlight !== null && inFlight.state !== 'extracting';
  if (isStaged || !mayTakeOver(viewSource)) await assertOwnTarget(view, target, dependencies);
  // A merge that has begun is billed already.
  if (status?.state === 'over budget' && inFlight?.state !== 'applying') {
    return { view, would: 'do nothing: over budget', advice: acceptCostAdvice(view) };
  }
  const lastError = status?.lastError ?? null;
  return {
    ...(status?.state === 'waiting'
      ? { view, would: 'wait: its resync waits for those of other views' }
      : await forecastBatch(viewSource, inFlight, target, dependencies)),
    ...(lastError === null ? {} : { lastError }),
  };
}

/** What becomes of the batch in flight, or which batch would follow. */
async function forecastBatch(
  viewSource: ViewSource,
  inFlight: EtlTransaction | null,
  target: FoundTable | null,
  dependencies: Dependencies,
): Promise<Forecast> {
  const { config, control, source } = dependencies;
  const view = viewSource.name;
  const copy = inFlight?.state === 'extracting' ? await control.slicedCopies.progress(inFlight.id) : null;
  if (inFlight !== null && copy !== null && copy.slices > 0) {
    return {
      view,
      would: `go on with batch ${inFlight.id}, which has copied ${copy.slicesDone} of ${copy.slices} slices`,
    };
  }
  if (inFlight?.state === 'extracting') {
    return {
      view,
      would: `wait for batch ${inFlight.id}, or capture its changes again if its process has ended`,
    };
  }
  if (inFlight !== null && isBeingLoaded(inFlight, viewSource.loadType)) {
    return { view, would: `wait for the load of batch ${inFlight.id}` };
  }
  const stored = await control.checkpoints.read(view);
  if (inFlight !== null) return { view, would: `announce batch ${inFlight.id} again (${inFlight.state})` };
  if (viewSource.resyncRequestedAt !== null || stored === null) {
    return { view, ...(await forecastLoad(viewSource, target, dependencies)) };
  }
  const size = batchSize(stored, config);
  const queued = await control.queuedKeys.due(view, size.maxLogRows);
  return await inSnapshot(source, async (client) => {
    const described = await describeView(client, viewSource, config.contentTypeTable);
    const now = await fingerprintView(client, described);
    const change = definitionChange(stored.definition, now);
    if (change === 'replaced' || change === 'settings') {
      const isHalted = viewSource.viewChanges === 'halt';
      const why = change === 'replaced' ? 'the view was replaced' : 'the view computes under other settings';
      return { view, would: `${isHalted ? 'halt' : 'load the whole view again'}: ${why}` };
    }
    const logTable = config.changeLogTable;
    const before = await control.logOrigins.read(view);
    const log = { before, now: await readLogOrigin(client, logTable), logTable };
    const unlogged = await unloggedChanges(client, described, stored.checkpoint, log);
    if (unlogged !== null) return { view, would: `load the whole view again: ${unlogged.reason}` };
    const found = await capture(client, described, stored.checkpoint, {
      logTable,
      ...size,
      queuedKeys: queued.keys,
    });
    if (found.resyncId !== null)
      return { view, would: `load the whole view again: ${askedFor(found.resyncId, logTable)}` };
    const advice =
      found.unnamedNulls.length === 0
        ? {}
        : {
            advice: `Resync the view afterwards: ${found.unnamedNulls.join(' and ')} is NULL in too many rows.`,
          };
    const isIdle = found.upserts + found.deletes === 0n;
    return {
      view,
      would: isIdle
        ? 'find nothing to do'
        : `extract a batch${found.cutId === null ? '' : ' up to the size limit, then continue'}`,
      logRows: String(found.logRows),
      upserts: String(found.upserts),
      deletes: String(found.deletes),
      badKeys: String(found.badKeys),
      queuedKeys: String(queued.keys.length),
      ...advice,
    };
  });
}

/** What a batch with the whole view would do, and to whose target. */
async function forecastLoad(
  source: ViewSource,
  target: FoundTable | null,
  dependencies: Dependencies,
): Promise<Omit<Forecast, 'view'>> {
  const load = `load the whole view${source.resyncRequestedAt === null ? '' : ' again'}`;
  const taking = await takingOver(source, target, dependencies);
  return taking === null ? { would: load } : { would: `${load}: ${taking.message}`, advice: taking.advice };
}
