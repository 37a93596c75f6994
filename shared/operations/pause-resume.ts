import { DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Stops a view for now, or until a time, after which the next tick lets it run again. A batch in flight waits; a running step finishes. Safe to
 * repeat. Throws `invalid_event` for a time that has passed.
 */
export async function pause(
  { view, by, why, until: given }: OperationOf<'pause'>,
  { clock, control, log }: Dependencies,
) {
  await control.viewSources.get(view);
  const until = given ?? null;
  if (until !== null && until.getTime() <= clock.nowMs()) {
    throw new DataHubError('invalid_event', `view ${view}: ${until.toISOString()} has passed`, {
      context: { view },
      advice: 'Name a later time, or none: then the view is paused until somebody resumes it.',
    });
  }
  await control.viewStops.pause(view, { by, why, until });
  const ends = until === null ? {} : { until: until.toISOString() };
  log.warn({ view, by, why, ...ends }, 'view paused');
  return { outcome: 'paused', view, ...ends };
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
