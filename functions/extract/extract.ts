import { parseExtractEvent } from '../../shared/events/extract-event.ts';
import { runOperation } from '../../shared/operations/run-operation.ts';
import { handle, type Step } from '../../shared/runtime/handle.ts';
import { extractView } from './extract-view.ts';
import { tick } from './tick.ts';

/** Runs a tick, extracts one view, or runs the operation that an operator asks for. */
export const dispatch: Step = async (payload, invocation, dependencies) => {
  const event = parseExtractEvent(payload);
  switch (event.command) {
    case 'tick':
      return await tick(event.trigger ?? 'manual', dependencies);
    case 'extract':
      return await extractView(event.view, event.trigger ?? 'manual', invocation, dependencies);
    default:
      // Who stops a view is the caller, unless the call names somebody.
      return await runOperation(
        'by' in event ? { ...event, by: event.by ?? invocation.caller ?? null } : event,
        dependencies,
      );
  }
};

/** The function `extract`. */
export const extract = handle('extract', dispatch);
