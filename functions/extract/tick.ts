import { stopReason } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { publishDeadLetters } from '../../shared/runtime/publish-dead-letters.ts';

/**
 * Fans a tick out: ends pauses whose time has come, and publishes one message for every view that is not stopped. Then logs how far each view is behind, publishes dead letters
 * that are due, goes on with checks, and deletes old rows. Safe to repeat: a second capture finds nothing.
 */
export async function tick(trigger: string, dependencies: Dependencies) {
  const { config, control, events, log } = dependencies;
  for (const view of await control.viewStops.endPauses()) log.info({ view }, 'pause ended');
  const sources = (await control.viewSources.list()).filter((source) => stopReason(source) === null);
  const views = sources.map((source) => source.name);
  const [request] = await Promise.allSettled([events.requestExtracts(views, trigger)]);
  if (views.length === 0) log.warn({ trigger }, 'no view is enabled');
  await logFreshness(dependencies);
  await publishDeadLetters(dependencies);
  await continueChecks(dependencies);
  await control.retention.deleteOldRows(config.keepDays);
  if (request.status === 'rejected') throw request.reason;
  await control.failures.resolveFanOutRights('extract');
  return { outcome: 'fanned out', views };
}

/** Publishes a message for every check of a view that waits, or whose process has ended. */
async function continueChecks({ control, events }: Dependencies): Promise<void> {
  for (const { id, view } of await control.consistencyChecks.unattended()) {
    await events.continueCheck(view, id);
  }
}

/** Logs a line for every enabled view, including stopped ones: their users read old rows. */
async function logFreshness({ config, control, log }: Dependencies): Promise<void> {
  for (const line of await control.viewSources.freshness()) {
    log.info(line, 'view freshness');
    if (line.behindSeconds > config.lagWarningSeconds) log.warn(line, 'view behind');
  }
}
