// The function streams one batch, in its own process.
import { inspect } from 'node:util';
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { STREAM } from '../support/appliers.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { Stopwatch } from './stopwatch.ts';

/** `rowSeconds` is the part of `seconds` for reading rows and cutting them into messages. The rest is for sending and waiting. */
export type StreamRound = Measured & { rowSeconds: number };

// A process loads this package once, with its first batch; the measurement excludes that.
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
            rowsUntil: (stop) => stopwatch.producing(append.rowsUntil(stop)),
          }),
      },
    },
  ),
);
if (result.outcome !== 'applied') throw new Error(`the stream ended with ${inspect(result)}`);
sendResult<StreamRound>({ ...measured, rowSeconds: stopwatch.seconds });
