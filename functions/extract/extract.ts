import { parseExtractEvent } from '../../shared/events/messages.ts';
import { handle } from '../handle.ts';
import { check } from './check.ts';
import { dryRun } from './dry-run.ts';
import { extractKeys, extractView } from './extract-view.ts';
import { importConfiguration } from './import-configuration.ts';
import { tick } from './tick.ts';

/** The function `extract`: a tick, one view, given keys, or a question about the installation. */
export const extract = handle('extract', async (payload, invocation, dependencies) => {
  const event = parseExtractEvent(payload);
  switch (event.ask) {
    case 'tick':
      return await tick(event.trigger ?? 'manual', dependencies);
    case 'extract':
      return await extractView(event.view, event.trigger ?? 'manual', invocation, dependencies);
    case 'keys':
      return await extractKeys(event.view, event.keys, invocation, dependencies);
    case 'resume':
      await dependencies.control.getViewSource(event.view);
      await dependencies.control.resumeView(event.view);
      return { outcome: 'resumed', view: event.view };
    case 'check':
      return await check(event.view, dependencies);
    case 'dryRun':
      return await dryRun(event.view, dependencies);
    case 'import':
      return await importConfiguration(event.entries, dependencies);
  }
});
