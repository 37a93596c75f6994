// One extraction in a process of its own, whose memory is the function's: the parent reads the result from the channel.
import { readFile } from 'node:fs/promises';
import { createDependencies, type Dependencies } from '../../functions/dependencies.ts';
import { extractView } from '../../functions/extract/extract-view.ts';
import { importConfiguration } from '../../functions/extract/import-configuration.ts';
import { parseExtractEvent } from '../../shared/events/messages.ts';

/** `seconds` is without the load job, which is BigQuery's work. */
export type RoundResult = { rows: number; seconds: number; loadSeconds: number; peakRssMb: number };

const view = String(process.argv[2]);
const dependencies = await createDependencies({ ...process.env, LOG_LEVEL: 'warn' });
const file = new URL('../../sql/source/view-sources.json', import.meta.url);
const configuration = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
if (configuration.ask !== 'import') throw new Error('view-sources.json is no import');
await importConfiguration(configuration.entries, dependencies);

let loadMs = 0;
const timed: Dependencies = {
  ...dependencies,
  // The batch is not applied, so there is nobody to tell.
  events: { ...dependencies.events, announceBatch: async () => undefined },
  warehouse: {
    ...dependencies.warehouse,
    load: async (...given) => {
      const startedMs = performance.now();
      const id = await dependencies.warehouse.load(...given);
      loadMs += performance.now() - startedMs;
      return id;
    },
  },
};
const startedMs = performance.now();
const result = await extractView(view, 'bench', { functionName: 'extract', event: {} }, timed);
const totalMs = performance.now() - startedMs;
if (result.outcome !== 'staged') throw new Error(`the extraction ended ${JSON.stringify(result)}`);
const told: RoundResult = {
  rows: result.upserts,
  seconds: (totalMs - loadMs) / 1000,
  loadSeconds: loadMs / 1000,
  // Kilobytes, on every platform that Node runs on.
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
process.send?.(told, () => process.exit(0));
