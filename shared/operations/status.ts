import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { attentionOf } from './attention.ts';

/** The id of the installation, the state of all views, or of one, what needs attention, and the unresolved failures. Reads only. */
export async function status({ view }: OperationOf<'status'>, { config, control }: Dependencies) {
  if (view !== undefined) await control.viewSources.get(view);
  const [installation, views, open] = await Promise.all([
    control.installation.id(),
    control.status.views(view),
    control.status.openFailures(view),
  ]);
  const { lagWarningSeconds } = config;
  const attention = attentionOf(views, lagWarningSeconds);
  return { outcome: 'status', installation, lagWarningSeconds, views, attention, ...open };
}
