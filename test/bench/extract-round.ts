// The function extracts one batch, in its own process. What it stages is not loaded: that is BigQuery's work, and the emulator would take longer than all the rest.
import { extractView } from '../../functions/extract/extract-view.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { withServerCpu } from './server-cpu.ts';
import { Stopwatch } from './stopwatch.ts';

/**
 * `warehouseSeconds` is the part of `seconds` spent waiting for BigQuery, and `copySeconds` the part from the first staged object to the manifest.
 * `serverCpuSeconds` is the CPU of the PostgreSQL server in `seconds`; `stagedBytes` and `stagedObjects` are those of the manifest.
 */
export type ExtractRound = Measured & {
  rows: number;
  warehouseSeconds: number;
  copySeconds: number;
  stagedBytes: number;
  stagedObjects: number;
  serverCpuSeconds: number | null;
};

// A process loads these packages once, with its first batch; the measurement excludes that.
await Promise.all([import('@google-cloud/bigquery'), import('@google-cloud/storage')]);

const [view = '', serverPid] = process.argv.slice(2);
const dependencies = await benchDependencies();
await importSmartApp(dependencies);
const { staging, warehouse } = dependencies;
const stopwatch = new Stopwatch();
let openedMs: number | null = null;
let closedMs = 0;
let staged = { stagedBytes: 0, stagedObjects: 0 };
const {
  result: { result, measured },
  serverCpuSeconds,
} = await withServerCpu(Number(serverPid), () =>
  measure(() =>
    extractView(
      view,
      'bench',
      { functionName: 'extract', event: {} },
      {
        ...dependencies,
        staging: {
          ...staging,
          async openBatch(...args) {
            openedMs ??= performance.now();
            const writer = await staging.openBatch(...args);
            return {
              ...writer,
              async writeManifest(content) {
                await writer.writeManifest(content);
                closedMs = performance.now();
                staged = { stagedBytes: content.bytes, stagedObjects: content.objects.length };
              },
            };
          },
        },
        warehouse: {
          ...warehouse,
          compareTables: stopwatch.around(warehouse.compareTables),
          findTarget: stopwatch.around(warehouse.findTarget),
          finishReplacement: stopwatch.around(warehouse.finishReplacement),
          makeObjects: stopwatch.around(warehouse.makeObjects),
          makeReportingView: stopwatch.around(warehouse.makeReportingView),
          reportingViewFault: stopwatch.around(warehouse.reportingViewFault),
          reportingViewHash: stopwatch.around(warehouse.reportingViewHash),
          setInstallation: stopwatch.around(warehouse.setInstallation),
          load: async () => 'not loaded',
        },
      },
    ),
  ),
);
if (result.outcome !== 'staged') throw new Error(`the extraction ended with ${JSON.stringify(result)}`);
sendResult<ExtractRound>({
  ...measured,
  rows: result.upserts,
  warehouseSeconds: stopwatch.seconds,
  copySeconds: (closedMs - (openedMs ?? closedMs)) / 1000,
  serverCpuSeconds,
  ...staged,
});
