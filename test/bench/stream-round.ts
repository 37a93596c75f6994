// One batch streamed by the function, in a process of its own.
import { streamBatch } from '../../functions/stream/stream-batch.ts';
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
  streamBatch(
    event,
    { functionName: 'stream', event: {} },
    {
      ...dependencies,
      warehouse: {
        ...warehouse,
        appendRows: (attempt, keyColumn, message, rowsUntil, limits) =>
          warehouse.appendRows(
            attempt,
            keyColumn,
            message,
            (stop) => stopwatch.making(rowsUntil(stop)),
            limits,
          ),
      },
    },
  ),
);
if (result.outcome !== 'applied') throw new Error(`the stream ended ${JSON.stringify(result)}`);
tellParent<StreamRound>({ ...measured, rowSeconds: stopwatch.seconds });
