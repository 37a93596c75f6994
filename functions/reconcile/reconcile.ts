import { parseReconcileEvent } from '../../shared/events/reconcile-event.ts';
import { handle, type Step } from '../../shared/runtime/handle.ts';
import { checkAll } from './check-all.ts';
import { checkView, continueCheck } from './check-view.ts';
import { forecastCheck } from './forecast-check.ts';

/** Checks one view, asks for a check of every view, or goes on with a check. */
export const dispatch: Step = async (payload, invocation, dependencies) => {
  const event = parseReconcileEvent(payload);
  switch (event.command) {
    case 'checkAll':
      return await checkAll(event, dependencies);
    case 'continue':
      return await continueCheck(event, dependencies);
    case 'check':
      return event.dryRun === true
        ? await forecastCheck(event, dependencies)
        : await checkView(
            { ...event, by: event.by ?? invocation.caller ?? undefined },
            dependencies,
            invocation,
          );
  }
};

/** The function `reconcile`: proves that a target equals its view, and repairs what differs. */
export const reconcile = handle('reconcile', dispatch);
