import type { ReconcileEvent } from '../../shared/events/reconcile-event.ts';
import { stopReason } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';

/** Asks for a check of every view that has been loaded and is not stopped. Safe to repeat: a view has one check at a time. */
export async function checkAll(
  { command: _, ...options }: Extract<ReconcileEvent, { command: 'checkAll' }>,
  { control, events }: Dependencies,
) {
  const sources = await control.viewSources.list();
  const views: string[] = [];
  for (const source of sources) {
    if (stopReason(source) !== null || (await control.checkpoints.read(source.name)) === null) continue;
    await events.requestCheck(source.name, options);
    views.push(source.name);
  }
  await control.failures.resolveFanOutRights('reconcile');
  return { outcome: 'fanned out', views };
}
