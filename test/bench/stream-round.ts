// One batch streamed by the function, in a process of its own.
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { STREAM } from '../support/installation.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { tellParent } from './run-round.ts';
import { Stopwatch } from './stopwatch.ts';

/** Of the seconds, `rowSeconds` went into reading, parsing and encoding rows; the others into sending them, and waiting. */
export type StreamRound = Measured & { rowSeconds: number };

// A process loads it once, with its first batch: that is not what is measured.
await import('@google-cloud/bigquery-storage');

const [view = '', etlTransactionId = ''] = process.argv.slice(2);
const event = { view, etlTransactionId: BigInt(etlTransactionId) };
const dependencies = await benchDependencies();
const { warehouse } = dependencies;
const stopwatch = new Stopwatch();
const { result, measured } = await measure(() =>
  applyBatch(
    event,
    STREAM,
    { functionName: 'stream', event: {} },
    {
      ...dependencies,
      warehouse: {
        ...warehouse,
        appendRows: (append) =>
          warehouse.appendRows({
            ...append,
            rowsUntil: (stop) => stopwatch.making(append.rowsUntil(stop)),
          }),
      },
    },
  ),
);
if (result.outcome !== 'applied') throw new Error(`the stream ended ${JSON.stringify(result)}`);
tellParent<StreamRound>({ ...measured, rowSeconds: stopwatch.seconds });
