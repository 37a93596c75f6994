import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Stops a view for now. A batch in flight waits; a running step finishes. Safe to repeat. */
export async function pause({ view, by, why }: OperationOf<'pause'>, { control, log }: Dependencies) {
  await control.viewSources.get(view);
  await control.viewStops.pause(view, { by, why });
  log.warn({ view, by, why }, 'view paused');
  return { outcome: 'paused', view };
}

/** Stops a view with a reason, until somebody resumes it. A batch in flight waits; a running step finishes. Safe to repeat. */
export async function halt({ view, reason, by }: OperationOf<'halt'>, { control, log }: Dependencies) {
  await control.viewSources.get(view);
  await control.viewStops.halt(view, reason, by);
  log.error({ view, by, error: reason }, 'view halted');
  return { outcome: 'halted', view };
}

/** Lets a view run again from its next tick on. Safe to repeat. */
export async function resume({ view }: Pick<OperationOf<'resume'>, 'view'>, { control, log }: Dependencies) {
  await control.viewSources.get(view);
  await control.viewStops.resume(view);
  log.info({ view }, 'view resumed');
  return { outcome: 'resumed', view };
}
