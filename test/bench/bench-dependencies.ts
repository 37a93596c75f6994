import { readFile } from 'node:fs/promises';
import { parseExtractEvent } from '../../shared/events/messages.ts';
import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import { createDependencies, type Dependencies } from '../../shared/runtime/dependencies.ts';

/** What a step of a bench is given, by the environment of its process; there is nobody to tell of a batch. */
export async function benchDependencies(): Promise<Dependencies> {
  const dependencies = await createDependencies({ ...process.env, LOG_LEVEL: 'warn' });
  const silent = async () => undefined;
  return {
    ...dependencies,
    events: { ...dependencies.events, announceBatch: silent, requestExtract: silent },
  };
}

/** SMartApp's view sources. */
export async function importSmartApp(dependencies: Dependencies): Promise<void> {
  const file = new URL('../../sql/source/view-sources.json', import.meta.url);
  const configuration = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
  if (configuration.command !== 'import') throw new Error('view-sources.json is no import');
  await importConfiguration({ entries: configuration.entries }, dependencies);
}
