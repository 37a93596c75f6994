import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** The id of the installation, the state of all views, or of one, and the unresolved failures. Reads only. */
export async function status({ view }: OperationOf<'status'>, { control }: Dependencies) {
  if (view !== undefined) await control.viewSources.get(view);
  const [installation, views, open] = await Promise.all([
    control.installation.id(),
    control.status.views(view),
    control.status.openFailures(view),
  ]);
  return { outcome: 'status', installation, views, ...open };
}
