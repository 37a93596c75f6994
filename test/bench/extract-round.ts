// The function extracts one batch, in its own process.
import { extractView } from '../../functions/extract/extract-view.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { Stopwatch } from './stopwatch.ts';

/** `warehouseSeconds` is the part of `seconds` spent waiting for BigQuery. */
export type ExtractRound = Measured & { rows: number; warehouseSeconds: number };

const view = String(process.argv[2]);
const dependencies = await benchDependencies();
await importSmartApp(dependencies);
const { warehouse } = dependencies;
const stopwatch = new Stopwatch();
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
sendResult<ExtractRound>({ ...measured, rows: result.upserts, warehouseSeconds: stopwatch.seconds });
