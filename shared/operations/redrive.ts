import { asDataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { resume } from './pause-resume.ts';
import { requestRecorded } from './request-extract.ts';

/** Lets a view run again at once: its failed changes are captured again. Safe to repeat. */
export async function redriveView({ view }: OperationOf<'redriveView'>, dependencies: Dependencies) {
  await resume({ view }, dependencies);
  await requestRecorded(view, 'redrive', dependencies.events);
  return { outcome: 'redriven', view };
}

/** Sends the events of these failures again to the functions that failed with them, and resolves the failures. */
export async function redriveEvents(
  { failures }: OperationOf<'redriveEvents'>,
  { control, events, log }: Dependencies,
) {
  const redriven = await control.failures.eventsToRedrive(failures);
  for (const { functionName, event } of redriven) {
    await events.sendAgain(functionName, event).catch((thrown: unknown) => {
      throw asDataHubError(thrown).withAdvice(
        'Some of the events may have been sent. Call again: an event that comes twice does nothing the second time.',
      );
    });
  }
  await control.failures.resolve(redriven.map(({ id }) => id));
  log.info({ failures: failures.map(String) }, 'events redriven');
  return { outcome: 'redriven', failures: failures.map(String) };
}

/** Marks all failures of a kind, of a view, or of both as resolved. Safe to repeat. */
export async function resolveAll({ kind, view }: OperationOf<'resolveAll'>, { control, log }: Dependencies) {
  if (view !== undefined) await control.viewSources.get(view);
  const ids = await control.failures.resolveAll({
    ...(kind !== undefined && { kind }),
    ...(view !== undefined && { view }),
  });
  const failures = ids.map(String);
  log.info({ ...(view !== undefined && { view }), failures }, 'failures resolved');
  return { outcome: 'resolved', failures };
}

/** Marks these failures as resolved. Safe to repeat. */
export async function resolve({ failures }: OperationOf<'resolve'>, { control, log }: Dependencies) {
  await control.failures.resolve(failures);
  log.info({ failures: failures.map(String) }, 'failures resolved');
  return { outcome: 'resolved', failures: failures.map(String) };
}
