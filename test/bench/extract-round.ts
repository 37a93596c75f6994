// One extraction, in a process of its own.
import { extractView } from '../../functions/extract/extract-view.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { tellParent } from './run-round.ts';
import { Stopwatch } from './stopwatch.ts';

/** Of the seconds, `warehouseSeconds` were waited for BigQuery. */
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
        missingTables: stopwatch.around(warehouse.missingTables),
        load: stopwatch.around(warehouse.load),
      },
    },
  ),
);
if (result.outcome !== 'staged') throw new Error(`the extraction ended ${JSON.stringify(result)}`);
tellParent<ExtractRound>({ ...measured, rows: result.upserts, warehouseSeconds: stopwatch.seconds });
