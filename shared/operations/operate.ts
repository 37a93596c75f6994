import { type ExtractResult, extractView } from '../../functions/extract/extract-view.ts';
import { DataHubError } from '../errors.ts';
import type { ExtractEvent } from '../events/messages.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Invocation } from '../runtime/handle.ts';
import { describeView } from '../source/describe-view.ts';
import { copyOut, loggedKeysStatement } from '../source/fetch.ts';
import { findKeysLoggedSince } from '../source/recheck.ts';
import { inSnapshot } from '../source/snapshot.ts';

type Asked<Ask extends ExtractEvent['ask']> = Extract<ExtractEvent, { ask: Ask }>;

// What an operator asks of a view, or of the failures. Each answers what it did; safe to repeat.

/** Stops a view: for now, or with a reason until it is resumed. A batch in flight waits, a running step comes to its end. */
export async function stop(event: Asked<'pause'> | Asked<'halt'>, { control, log }: Dependencies) {
  const { name: view } = await control.getViewSource(event.view);
  if (event.ask === 'pause') {
    await control.pauseView(view);
    log.warn({ view }, 'view paused');
    return { outcome: 'paused', view };
  }
  await control.haltByHand(view, event.reason);
  log.error({ view, error: event.reason }, 'view halted');
  return { outcome: 'halted', view };
}

/** Lets a view run again from its next tick on. */
export async function resume({ view }: Asked<'resume'>, { control, log }: Dependencies) {
  await control.getViewSource(view);
  await control.resumeView(view);
  log.info({ view }, 'view resumed');
  return { outcome: 'resumed', view };
}

/** Lets a view run again at once: what had failed is captured anew. */
export async function redriveView({ view }: Asked<'redriveView'>, dependencies: Dependencies) {
  await resume({ ask: 'resume', view }, dependencies);
  await dependencies.events.requestExtract(view, 'redrive');
  return { outcome: 'redriven', view };
}

/** Sends the events of failures again to the functions that failed with them; the failures are resolved. */
export async function redriveEvents(
  { failures }: Asked<'redriveEvents'>,
  { control, events, log }: Dependencies,
) {
  const redriven = await control.eventsToRedrive(failures);
  for (const { functionName, event } of redriven) await events.sendAgain(functionName, event);
  await control.resolveFailures(redriven.map(({ id }) => id));
  log.info({ failures: failures.map(String) }, 'events redriven');
  return { outcome: 'redriven', failures: failures.map(String) };
}

/** Nobody needs to look at these failures any more. */
export async function resolve({ failures }: Asked<'resolve'>, { control, log }: Dependencies) {
  await control.resolveFailures(failures);
  log.info({ failures: failures.map(String) }, 'failures resolved');
  return { outcome: 'resolved', failures: failures.map(String) };
}

/** Has the next batch carry the whole view, at once. */
export async function resync({ view, isWanted }: Asked<'resync'>, dependencies: Dependencies) {
  const { control, events, log } = dependencies;
  await control.getViewSource(view);
  await control.requestResync(view, isWanted);
  log.info({ view, isWanted }, 'resync requested');
  if (!isWanted) return { outcome: 'resync withdrawn', view };
  await events.requestExtract(view, 'resync');
  return { outcome: 'resync requested', view };
}

/**
 * Feeds a new target by another load type, from a resync on. Throws `invalid_event` for a load type that it has already, and for a
 * streamed target without a message.
 */
export async function changeLoadType(
  { view, loadType, target }: Asked<'loadType'>,
  { control, events, log, warehouse }: Dependencies,
) {
  const source = await control.getViewSource(view);
  const refuse = (why: string, advice: string) =>
    new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
  if (source.loadType === loadType) {
    throw refuse(`its load type is ${loadType} already`, 'Nothing to do; a resync loads it anew.');
  }
  if (loadType === 'bq-storage-api' && !(await warehouse.hasStreamMessage(target))) {
    throw refuse(
      `proto/ has no message for ${target}`,
      'Run npm run generate, commit proto/ and deploy first.',
    );
  }
  await control.changeLoadType(view, loadType, target);
  log.warn({ view, loadType, target }, 'load type changed');
  await events.requestExtract(view, 'loadType');
  return { outcome: 'load type changed', view, loadType, target };
}

/** Fetches once more whatever the log names since then: for log rows that were seen before their data. */
export async function recheck(
  { view, since }: Asked<'recheck'>,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ExtractResult & { keysQueued: number }> {
  const { config, control, source } = dependencies;
  const viewSource = await control.getViewSource(view);
  const keysQueued = await inSnapshot(source, async (client) => {
    const described = await describeView(client, viewSource, config.contentTypeTable);
    const keys = await findKeysLoggedSince(client, described, config.changeLogTable, since);
    if (keys > 0) {
      await copyOut(client, loggedKeysStatement(described), (lines) => control.queueRechecks(view, 0, lines));
    }
    return keys;
  });
  return { ...(await extractView(view, 'recheck', invocation, dependencies)), keysQueued };
}

/** How the views are, and which failures nobody has dealt with. */
export async function status({ view }: Asked<'status'>, { control }: Dependencies) {
  if (view !== undefined) await control.getViewSource(view);
  const [views, failures] = await Promise.all([control.readStatus(view), control.openFailures(view)]);
  return { outcome: 'status', views, failures };
}
