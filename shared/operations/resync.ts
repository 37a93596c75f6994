import type { OperationOf } from '../events/messages.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestRecorded } from './request-extract.ts';

/** Makes the next batch carry the whole view, and requests it at once; or withdraws such a request. Safe to repeat. */
export async function resync({ view, isWanted }: OperationOf<'resync'>, dependencies: Dependencies) {
  const { control, events, log } = dependencies;
  await control.viewSources.get(view);
  await control.viewStops.requestResync(view, isWanted);
  const outcome = isWanted ? 'resync requested' : 'resync withdrawn';
  log.info({ view }, outcome);
  if (isWanted) await requestRecorded(view, 'resync', events);
  return { outcome, view };
}
