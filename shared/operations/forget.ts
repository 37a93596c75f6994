import { DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Removes a view source with its history. Its tables in BigQuery and its staged objects stay. Without the confirmation, which is the name of
 * the view, it changes nothing and answers what it would remove. Throws `invalid_event` for another confirmation, for an unknown view, and
 * as `forget` of the control database does.
 */
export async function forget(
  { view, confirmation }: Pick<OperationOf<'forget'>, 'view' | 'confirmation'>,
  { control, log }: Dependencies,
) {
  await control.viewSources.get(view);
  const history = await control.forgetting.history(view);
  const advice = `To remove it, send {"view":${JSON.stringify(view)},"forget":true,"confirm":${JSON.stringify(view)}}.`;
  if (confirmation === undefined) {
    return { outcome: 'confirmation needed', view, removes: history, advice };
  }
  if (confirmation !== view) {
    throw new DataHubError('invalid_event', `"confirm" is not the name of view ${view}`, {
      context: { view },
      advice,
    });
  }
  await control.forgetting.forget(view);
  log.warn({ view, ...history }, 'view forgotten');
  return { outcome: 'forgotten', view, removed: history };
}
