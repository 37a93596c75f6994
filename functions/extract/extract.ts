import { parseExtractEvent } from '../../shared/events/extract-event.ts';
import { audited } from '../../shared/operations/audited.ts';
import { requesterOf } from '../../shared/operations/requester.ts';
import { handle, type Step } from '../../shared/runtime/handle.ts';
import { extractView } from './extract-view.ts';
import { tick } from './tick.ts';

/** Runs a tick, extracts one view, or runs the operation that an operator asks for. */
export const dispatch: Step = async (payload, invocation, dependencies) => {
  const event = parseExtractEvent(payload);
  switch (event.command) {
    case 'tick':
      return await tick(event.trigger ?? 'manual', dependencies);
    case 'extract': {
      const { view, trigger = 'manual' } = event;
      const run = () => extractView(view, trigger, invocation, dependencies);
      // Messages that ask for a batch come from ticks and from operations, which are recorded.
      if (invocation.isByHand !== true) return await run();
      const request = { ...requesterOf(payload, invocation), action: 'run', views: [view], request: {} };
      return await audited(request, dependencies, run);
    }
    default: {
      // Loaded when it is needed: a tick need not wait for what operators seldom ask for.
      const { runOperation } = await import('../../shared/operations/run-operation.ts');
      // Who stops a view is the caller. Nobody checks who sends a message: it is whom that names.
      return await runOperation(
        'by' in event ? { ...event, by: invocation.caller ?? event.by ?? null } : event,
        dependencies,
        requesterOf(payload, invocation),
      );
    }
  }
};

/** The function `extract`. */
export const extract = handle('extract', dispatch);
