import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestRecorded } from './request-extract.ts';

/**
 * Makes the next batch carry the whole view, with the operator's acceptance of its deletes or without, and requests it at once; or withdraws
 * such a request. A paused view stays paused: its resync begins when it is resumed. Safe to repeat.
 */
export async function resync(
  { view, isWanted, acceptsDeletes }: OperationOf<'resync'>,
  dependencies: Dependencies,
) {
  const { control, events, log } = dependencies;
  const { paused } = await control.viewSources.get(view);
  await control.viewStops.requestResync(view, { isWanted, acceptsDeletes });
  const outcome = isWanted ? 'resync requested' : 'resync withdrawn';
  const accepted = acceptsDeletes ? { acceptDeletes: true } : {};
  const stopped = paused && isWanted ? { paused: true, advice: resumeAdvice(view) } : {};
  log.info({ view, ...accepted }, outcome);
  if (isWanted && !paused) await requestRecorded(view, 'resync', events);
  return { outcome, view, ...accepted, ...stopped };
}

const resumeAdvice = (view: string): string =>
  `The view stays paused. The resync begins when you resume it: ${JSON.stringify({ view, resume: true })}.`;
