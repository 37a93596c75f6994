import { DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestRecorded } from './request-extract.ts';

/**
 * Feeds a new target with another load type, beginning with the whole view. Throws `invalid_event` when the view has that load type
 * already, and what `control.loadTypes` refuses.
 */
export async function changeLoadType(
  { view, loadType, target }: OperationOf<'loadType'>,
  { control, events, log }: Dependencies,
) {
  const source = await control.viewSources.get(view);
  const refuse = (why: string, advice: string) =>
    new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
  if (source.loadType === loadType) {
    throw refuse(
      `its load type is already ${loadType}`,
      'Nothing to do. A resync loads the whole view again.',
    );
  }
  await control.loadTypes.changeLoadType(view, loadType, target);
  log.warn({ view, loadType, target }, 'load type changed');
  await requestRecorded(view, 'loadType', events);
  return { outcome: 'load type changed', view, loadType, target };
}
