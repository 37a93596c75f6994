import { parseExtractEvent } from '../../shared/events/messages.ts';
import { dryRun } from '../../shared/operations/dry-run.ts';
import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import {
  changeLoadType,
  recheck,
  redriveEvents,
  redriveView,
  resolve,
  resume,
  resync,
  status,
  stop,
} from '../../shared/operations/operate.ts';
import { check } from '../../shared/operations/preflight.ts';
import { handle, type Step } from '../../shared/runtime/handle.ts';
import { extractKeys, extractView } from './extract-view.ts';
import { tick } from './tick.ts';

/** Carries out what an event or a call asks. */
export const carryOut: Step = async (payload, invocation, dependencies) => {
  const event = parseExtractEvent(payload);
  switch (event.ask) {
    case 'tick':
      return await tick(event.trigger ?? 'manual', dependencies);
    case 'extract':
      return await extractView(event.view, event.trigger ?? 'manual', invocation, dependencies);
    case 'keys':
      return await extractKeys(event.view, event.keys, invocation, dependencies);
    case 'pause':
    case 'halt':
      return await stop(event, dependencies);
    case 'resume':
      return await resume(event, dependencies);
    case 'redriveView':
      return await redriveView(event, dependencies);
    case 'redriveEvents':
      return await redriveEvents(event, dependencies);
    case 'resolve':
      return await resolve(event, dependencies);
    case 'resync':
      return await resync(event, dependencies);
    case 'loadType':
      return await changeLoadType(event, dependencies);
    case 'recheck':
      return await recheck(event, invocation, dependencies);
    case 'status':
      return await status(event, dependencies);
    case 'check':
      return await check(event.view, dependencies);
    case 'dryRun':
      return await dryRun(event.view, dependencies);
    case 'import':
      return await importConfiguration(event.entries, dependencies);
  }
};

/** The function `extract`: a tick, one view, given keys, or what an operator asks. */
export const extract = handle('extract', carryOut);
