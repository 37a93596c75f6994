import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseExtractEvent } from '../../shared/events/extract-event.ts';
import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import { createDependencies, type Dependencies } from '../../shared/runtime/dependencies.ts';

/** The dependencies of a step, from the environment of its process. They publish no events. */
export async function benchDependencies(): Promise<Dependencies> {
  const dependencies = await createDependencies({ ...process.env, LOG_LEVEL: 'warn' });
  const publishNothing = async () => undefined;
  return {
    ...dependencies,
    events: {
      ...dependencies.events,
      announceBatch: publishNothing,
      requestExtract: publishNothing,
      requestExtracts: publishNothing,
    },
  };
}

/** Imports SMartApp's view sources. */
export async function importSmartApp(dependencies: Dependencies): Promise<void> {
  const file = fileURLToPath(import.meta.resolve('#sql/source/view-sources.json'));
  const configuration = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
  if (configuration.command !== 'import') throw new Error('view-sources.json is not an import');
  await importConfiguration({ entries: configuration.entries }, dependencies);
}
