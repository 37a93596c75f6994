import type { ViewSource } from '../../shared/view-source.ts';
import type { Dependencies } from '../dependencies.ts';
import { sendDueLetters } from '../send-due-letters.ts';

/** Why a view is not extracted at present; null when it is. */
export function whyStopped(source: ViewSource): string | null {
  if (!source.enabled) return 'not enabled';
  if (source.paused) return 'paused';
  if (source.haltedReason !== null) return `halted: ${source.haltedReason}`;
  return null;
}

/**
 * Fans a tick out: one message for every view that runs. Repeating it costs captures that find nothing. What earlier failures could
 * not set aside is set aside.
 */
export async function tick(trigger: string, dependencies: Dependencies) {
  const { control, events, log } = dependencies;
  await sendDueLetters(dependencies);
  await tellFreshness(dependencies);
  const sources = (await control.listViewSources()).filter((source) => whyStopped(source) === null);
  await Promise.all(sources.map((source) => events.requestExtract(source.name, trigger)));
  const views = sources.map((source) => source.name);
  if (views.length === 0) log.warn({ trigger }, 'no view is enabled');
  return { outcome: 'fanned out', views };
}

/**
 * One line for every view that is enabled, also when it is paused or halted: how many seconds its target may be behind. An alert
 * reads them (terraform: lag).
 */
async function tellFreshness({ control, log }: Dependencies): Promise<void> {
  for (const { view, behindSeconds } of await control.viewFreshness()) {
    log.info({ view, behindSeconds }, 'view freshness');
  }
}
