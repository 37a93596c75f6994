import type { OperationOf } from '../events/messages.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Makes the next batch carry the whole view, and requests it at once; or withdraws such a request. Safe to repeat. */
export async function resync({ view, isWanted }: OperationOf<'resync'>, dependencies: Dependencies) {
  const { control, events, log } = dependencies;
  await control.viewSources.get(view);
  await control.viewStops.requestResync(view, isWanted);
  log.info({ view, isWanted }, 'resync requested');
  if (!isWanted) return { outcome: 'resync withdrawn', view };
  await events.requestExtract(view, 'resync');
  return { outcome: 'resync requested', view };
}
