import type { OperationOf } from '../events/messages.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestRecorded } from './request-extract.ts';

/**
 * Makes the next batch carry the whole view, with the operator's acceptance of its deletes or without, and requests it at once; or withdraws
 * such a request. Safe to repeat.
 */
export async function resync(
  { view, isWanted, acceptsDeletes }: OperationOf<'resync'>,
  dependencies: Dependencies,
) {
  const { control, events, log } = dependencies;
  await control.viewSources.get(view);
  await control.viewStops.requestResync(view, { isWanted, acceptsDeletes });
  const outcome = isWanted ? 'resync requested' : 'resync withdrawn';
  const accepted = acceptsDeletes ? { acceptDeletes: true } : {};
  log.info({ view, ...accepted }, outcome);
  if (isWanted) await requestRecorded(view, 'resync', events);
  return { outcome, view, ...accepted };
}
