// One extraction in a process of its own, whose memory is the function's: the parent reads the result from the channel.
import { readFile } from 'node:fs/promises';
import { createDependencies, type Dependencies } from '../../functions/dependencies.ts';
import { extractView } from '../../functions/extract/extract-view.ts';
import { importConfiguration } from '../../functions/extract/import-configuration.ts';
import { parseExtractEvent } from '../../shared/events/messages.ts';

/** `seconds` is what the function itself takes; what it waits for BigQuery is told apart. */
export type RoundResult = { rows: number; seconds: number; warehouseSeconds: number; peakRssMb: number };

const view = String(process.argv[2]);
const dependencies = await createDependencies({ ...process.env, LOG_LEVEL: 'warn' });
const file = new URL('../../sql/source/view-sources.json', import.meta.url);
const configuration = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
if (configuration.ask !== 'import') throw new Error('view-sources.json is no import');
await importConfiguration(configuration.entries, dependencies);

let warehouseMs = 0;
/** The same operation, its time counted as BigQuery's. */
function timed<Given extends unknown[], Result>(operation: (...given: Given) => Promise<Result>) {
  return async (...given: Given): Promise<Result> => {
    const startedMs = performance.now();
    try {
      return await operation(...given);
    } finally {
      warehouseMs += performance.now() - startedMs;
    }
  };
}
const { events, warehouse } = dependencies;
const measured: Dependencies = {
  ...dependencies,
  // The batch is not applied, so there is nobody to tell.
  events: { ...events, announceBatch: async () => undefined },
  warehouse: {
    ...warehouse,
    makeObjects: timed(warehouse.makeObjects),
    missingTables: timed(warehouse.missingTables),
    load: timed(warehouse.load),
  },
};
const startedMs = performance.now();
const result = await extractView(view, 'bench', { functionName: 'extract', event: {} }, measured);
const totalMs = performance.now() - startedMs;
if (result.outcome !== 'staged') throw new Error(`the extraction ended ${JSON.stringify(result)}`);
const told: RoundResult = {
  rows: result.upserts,
  seconds: (totalMs - warehouseMs) / 1000,
  warehouseSeconds: warehouseMs / 1000,
  peakRssMb: (await peakRssKb()) / 1024,
};
process.send?.(told, () => process.exit(0));

/** Linux counts the parent's memory at the fork into maxRSS; VmHWM is this program's alone. */
async function peakRssKb(): Promise<number> {
  const status = process.platform === 'linux' ? await readFile('/proc/self/status', 'utf8') : '';
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return peak === undefined ? process.resourceUsage().maxRSS : Number(peak);
}
