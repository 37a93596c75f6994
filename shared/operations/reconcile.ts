import type { OperationOf } from '../events/operation-event.ts';
import { stopReason } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Asks the function `reconcile` for a check of one view, or of every view that has been loaded and is not stopped. The status shows what it
 * finds. Safe to repeat: a view has one check at a time.
 */
export async function reconcile(
  { view, by, options: given }: OperationOf<'reconcile'>,
  { control, events, log }: Dependencies,
) {
  const options = { ...given, ...(by !== null && { by }) };
  if (view === undefined) {
    await events.requestChecks(options);
    log.info(options, 'checks requested');
    return { outcome: 'checks requested' };
  }
  const viewSource = await control.viewSources.get(view);
  const isLoaded = (await control.checkpoints.read(view)) !== null;
  const reason = stopReason(viewSource) ?? (isLoaded ? null : 'not loaded yet');
  if (reason !== null) return { outcome: 'skipped', view, reason };
  await events.requestCheck(view, options);
  log.info({ view, ...options }, 'check requested');
  return { outcome: 'check requested', view };
}
