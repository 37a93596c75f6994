import type { OperationOf } from '../events/operation-event.ts';
import { stopReason } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Asks for a batch of a view now, as a tick does. Safe to repeat. */
export async function runNow({ view }: OperationOf<'run'>, { control, events, log }: Dependencies) {
  const reason = stopReason(await control.viewSources.get(view));
  if (reason !== null) return { outcome: 'skipped', view, reason };
  await events.requestExtract(view, 'operator');
  log.info({ view }, 'batch requested');
  return { outcome: 'batch requested', view };
}
