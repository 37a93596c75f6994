import type { Bench } from './bench.ts';
import { startBenchStack } from './bench-stack.ts';
import { compareCases, type Sample } from './compare-cases.ts';
import { copyBinary } from './copy-binary.ts';
import { createItems, type ExtractSample, extractItems } from './item-source.ts';
import { ITEM_VIEW } from './items.ts';

/**
 * Extracts N rows of SMartApp's largest view, each round in its own process. The baseline, run in between, reads the same view by binary
 * COPY and discards the rows. The rate counts the function's own work (capture, fetch, stage); the time it waits for the tables of the
 * BigQuery emulator is reported separately, and nothing is loaded. The CPU of the PostgreSQL server includes that of the control database.
 */
export const extractBench: Bench = {
  maxRows: 999_999_999,
  async run({ rows, rounds, profile, report }) {
    await using stack = await startBenchStack();
    report(`creating ${rows} rows`);
    const logRows = await createItems(stack, rows);
    const baseline: Sample[] = [];
    const extractions: ExtractSample[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const copied = await copyBinary(stack, ITEM_VIEW);
      const extracted = await extractItems(stack, rows, { name: `extract-${round}` });
      baseline.push(copied);
      extractions.push(extracted);
      report(
        `round ${round}: extract ${extracted.seconds.toFixed(2)} s, of these ${extracted.copySeconds.toFixed(2)} s for the copy ` +
          `(plus ${extracted.warehouseSeconds.toFixed(2)} s waiting for BigQuery), COPY binary ${copied.seconds.toFixed(2)} s`,
      );
    }
    const result = compareCases(rows, {
      extract: extractions,
      'COPY binary': baseline,
      'the copy alone': extractions.map(({ copySeconds, peakRssMb }) => ({
        seconds: copySeconds,
        peakRssMb,
      })),
    });
    const profiled = profile ? await extractItems(stack, rows, { name: 'extract-profiled', profile }) : null;
    return {
      ...result,
      log_rows: logRows,
      staged_bytes: extractions[0]?.stagedBytes,
      staged_objects: extractions[0]?.stagedObjects,
      server_cpu_ratio: serverCpuRatio(result),
      ...(profiled?.profile === undefined ? {} : { profile: profiled.profile }),
    };
  },
};

/** Of the medians; null where the system does not tell the CPU of other processes. */
function serverCpuRatio({ cases }: ReturnType<typeof compareCases>): number | null {
  const [ours, theirs] = [cases.extract?.server_cpu_seconds, cases['COPY binary']?.server_cpu_seconds];
  return ours == null || theirs == null ? null : Number((ours / theirs).toFixed(2));
}
