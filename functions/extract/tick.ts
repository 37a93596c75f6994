import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { publishPendingDeadLetters } from '../../shared/runtime/publish-dead-letters.ts';

/** Why a view is not extracted at present; null when it is. */
export function stopReason(source: ViewSource): string | null {
  if (!source.enabled) return 'not enabled';
  if (source.paused) return 'paused';
  if (source.haltedReason !== null) return `halted: ${source.haltedReason}`;
  return null;
}

/**
 * Fans a tick out: one message for every view that runs. Repeating it costs captures that find nothing. Then it says how late each
 * view is, publishes dead letters that are due, and deletes what is too old.
 */
export async function tick(trigger: string, dependencies: Dependencies) {
  const { config, control, events, log } = dependencies;
  const sources = (await control.listViewSources()).filter((source) => stopReason(source) === null);
  const asked = await Promise.allSettled(
    sources.map((source) => events.requestExtract(source.name, trigger)),
  );
  const views = sources.map((source) => source.name);
  if (views.length === 0) log.warn({ trigger }, 'no view is enabled');
  await logFreshness(dependencies);
  await publishPendingDeadLetters(dependencies);
  await control.deleteOldRows(config.keepDays);
  for (const each of asked) if (each.status === 'rejected') throw each.reason;
  await control.resolveRightsOfTicks();
  return { outcome: 'fanned out', views };
}

/** A line for every enabled view, also for those that are stopped: their users read old rows. */
async function logFreshness({ config, control, log }: Dependencies): Promise<void> {
  for (const line of await control.viewFreshness()) {
    log.info(line, 'view freshness');
    if (line.behindSeconds > config.lagWarningSeconds) log.warn(line, 'view behind');
  }
}
