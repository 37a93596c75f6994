import { parseReconcileEvent, type ReconcileEvent } from '../../shared/events/reconcile-event.ts';
import { audited } from '../../shared/operations/audited.ts';
import { forecastCheck } from '../../shared/operations/forecast-check.ts';
import { requesterOf } from '../../shared/operations/requester.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { handle, type Invocation, type Step } from '../../shared/runtime/handle.ts';
import { checkAll } from './check-all.ts';
import { checkView, continueCheck } from './check-view.ts';

/** Checks one view, asks for a check of every view, or goes on with a check. What somebody asks for by hand is recorded in the audit. */
export const dispatch: Step = async (payload, invocation, dependencies) => {
  const event = parseReconcileEvent(payload);
  if (event.command === 'continue') return await continueCheck(event, dependencies);
  if (event.command === 'check' && event.dryRun === true) return await forecastCheck(event, dependencies);
  if (invocation.isByHand !== true) return await check(event, invocation, dependencies);
  const { command: _, view, by: _by, ...request } = { view: undefined, ...event };
  const asked = { ...requesterOf(payload, invocation), action: 'reconcile', request };
  return await audited({ ...asked, views: view === undefined ? [] : [view] }, dependencies, () =>
    check(event, invocation, dependencies),
  );
};

type Asked = Exclude<ReconcileEvent, { command: 'continue' }>;

async function check(event: Asked, invocation: Invocation, dependencies: Dependencies) {
  if (event.command === 'checkAll') return await checkAll(event, dependencies);
  const by = invocation.caller ?? event.by ?? undefined;
  return await checkView({ ...event, by }, dependencies, invocation);
}

/** The function `reconcile`: proves that a target equals its view, and repairs what differs. */
export const reconcile = handle('reconcile', dispatch);
