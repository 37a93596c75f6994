// The function checks one view, in its own process: by the sums of its buckets, or, with a third argument, row by row.

import { extractView } from '../../functions/extract/extract-view.ts';
import { checkView } from '../../functions/reconcile/check-view.ts';
import { createLog } from '../../shared/log.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { withServerCpu } from './server-cpu.ts';
import { Stopwatch } from './stopwatch.ts';
import { countWireBytes, type WireBytes } from './wire-bytes.ts';

/** `waitedSeconds` is the part of `seconds` spent waiting for BigQuery, and for the extraction before the second look. */
export type ReconcileRound = Measured & {
  differences: number;
  waitedSeconds: number;
  serverCpuSeconds: number | null;
  bytes: WireBytes;
};

const [view = '', serverPid, option] = process.argv.slice(2);
const isRowByRow = option === 'row by row';
const waiting = new Stopwatch();

/** Events that extract at once, so that the check goes on to its second look. */
function eventsOf(dependencies: Dependencies): Dependencies['events'] {
  const requestExtract = async (name: string): Promise<void> => {
    await extractView(name, 'bench', { functionName: 'extract', event: {} }, dependencies);
  };
  return { ...dependencies.events, requestExtract: waiting.around(requestExtract) };
}

/**
 * Lets the target be read before the source. The function reads both at once, but here the emulator would take the cores from PostgreSQL, and
 * BigQuery would not.
 */
function oneAfterTheOther({ control, warehouse }: Dependencies): Pick<Dependencies, 'control' | 'warehouse'> {
  const { consistencyChecks } = control;
  const targetIsRead = Promise.withResolvers<void>();
  return {
    control: {
      ...control,
      consistencyChecks: {
        ...consistencyChecks,
        async sums(id) {
          await targetIsRead.promise;
          return await consistencyChecks.sums(id);
        },
      },
    },
    warehouse: {
      ...warehouse,
      sumBuckets: (query, deadline) =>
        warehouse
          .sumBuckets(query, deadline)
          .then((sums) => (isRowByRow ? sums.map((sum) => ({ ...sum, hash: sum.hash + 1n })) : sums))
          .finally(() => targetIsRead.resolve()),
    },
  };
}

function timed(warehouse: Dependencies['warehouse']): Dependencies['warehouse'] {
  const readHashes = waiting.around(warehouse.readHashes);
  return {
    ...warehouse,
    compareTables: waiting.around(warehouse.compareTables),
    compareTarget: waiting.around(warehouse.compareTarget),
    findTarget: waiting.around(warehouse.findTarget),
    currentTime: waiting.around(warehouse.currentTime),
    sumBuckets: waiting.around(warehouse.sumBuckets),
    readHashes: async (...query) => waiting.producing(await readHashes(...query)),
    readComparedRows: waiting.around(warehouse.readComparedRows),
    readRowStates: waiting.around(warehouse.readRowStates),
  };
}

const dependencies = await benchDependencies();
const readBytes = countWireBytes(dependencies.source, String(process.env.BIGQUERY_EMULATOR_HOST));
const { control, warehouse } = oneAfterTheOther(dependencies);
const checked = {
  ...dependencies,
  ...{ control, warehouse: timed(warehouse), events: eventsOf(dependencies) },
  // Differences are logged as an error.
  log: createLog('fatal'),
};
const {
  result: { result, measured },
  serverCpuSeconds,
} = await withServerCpu(Number(serverPid), () =>
  measure(() => checkView({ command: 'check', view, repair: false }, checked)),
);
if (result.outcome !== 'consistent' && result.outcome !== 'differences found') {
  throw new Error(`the check ended with ${JSON.stringify(result)}`);
}
const { missing, extra, different, duplicate } = result;
sendResult<ReconcileRound>({
  ...measured,
  differences: missing + extra + different + duplicate,
  waitedSeconds: waiting.seconds,
  serverCpuSeconds,
  bytes: readBytes(),
});
