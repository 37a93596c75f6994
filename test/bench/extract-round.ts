// The function extracts one batch, in its own process.
import { extractView } from '../../functions/extract/extract-view.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { serverCpuSeconds } from './server-cpu.ts';
import { Stopwatch } from './stopwatch.ts';

/** `warehouseSeconds` is the part of `seconds` spent waiting for BigQuery, and `serverCpuSeconds` the CPU of the PostgreSQL server meanwhile. */
export type ExtractRound = Measured & {
  rows: number;
  warehouseSeconds: number;
  serverCpuSeconds: number | null;
};

const [view = '', serverPid] = process.argv.slice(2);
const dependencies = await benchDependencies();
await importSmartApp(dependencies);
const { warehouse } = dependencies;
const stopwatch = new Stopwatch();
const cpuBefore = await serverCpuSeconds(Number(serverPid));
const { result, measured } = await measure(() =>
  extractView(
    view,
    'bench',
    { functionName: 'extract', event: {} },
    {
      ...dependencies,
      warehouse: {
        ...warehouse,
        makeObjects: stopwatch.around(warehouse.makeObjects),
        compareTables: stopwatch.around(warehouse.compareTables),
        load: stopwatch.around(warehouse.load),
      },
    },
  ),
);
if (result.outcome !== 'staged') throw new Error(`the extraction ended with ${JSON.stringify(result)}`);
const cpuAfter = await serverCpuSeconds(Number(serverPid));
sendResult<ExtractRound>({
  ...measured,
  rows: result.upserts,
  warehouseSeconds: stopwatch.seconds,
  serverCpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
});
