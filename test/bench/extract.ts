import { finished } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { type Bench, benchResult, median } from './bench.ts';
import { READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import type { ExtractRound } from './extract-round.ts';
import { ITEM_VIEW, itemScale, keepFirstItems } from './items.ts';
import { runRound } from './run-round.ts';
import { serverCpuSeconds } from './server-cpu.ts';

/**
 * Extracts N rows of SMartApp's largest view, each round in its own process. The baseline, run in between, reads the same view by binary
 * COPY and discards the rows. The rate counts the function's own work (capture, fetch, stage); the time it waits for the BigQuery
 * emulator is reported separately. The CPU of the PostgreSQL server includes that of the control database.
 */
export const extractBench: Bench = {
  maxRows: 999_999_999,
  async run({ rows, rounds, report }) {
    await using stack = await startBenchStack();
    report(`creating ${rows} rows`);
    const { sourceUrl } = stack;
    await createSmartApp(sourceUrl, { scale: itemScale(rows), readerPassword: READER_PASSWORD });
    const source = new pg.Client(sourceUrl);
    await source.connect();
    await keepFirstItems(source, rows);
    await source.end();

    const baselineSeconds: number[] = [];
    const results: ExtractRound[] = [];
    const baselineCpu: (number | null)[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const cpuBefore = await serverCpuSeconds(stack.postgres.pid);
      const baseline = await copyAsBinary(sourceUrl);
      const cpuAfter = await serverCpuSeconds(stack.postgres.pid);
      baselineSeconds.push(baseline);
      baselineCpu.push(cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore);
      // Each round needs its own project, because its jobs and objects have the same names as in other rounds.
      const env = await stack.makeProject(`bench-extract-${round}`, `control_${round}`);
      await stack.postgres.createDatabase(`control_${round}`);
      const args = [ITEM_VIEW, String(stack.postgres.pid)];
      const result = await runRound<ExtractRound>('extract-round.ts', args, env);
      results.push(result);
      report(
        `round ${round}: extract ${ownSeconds(result).toFixed(2)} s (plus ${result.warehouseSeconds.toFixed(2)} s waiting for BigQuery), ` +
          `COPY binary ${baseline.toFixed(2)} s, CPU of the server ${shown(result.serverCpuSeconds)} against ${shown(baselineCpu.at(-1))}, ` +
          `CPU of the function ${result.cpuSeconds.toFixed(2)} s, peak ${result.peakRssMb.toFixed(0)} MB`,
      );
      if (result.rows !== rows) throw new Error(`${result.rows} rows were staged instead of ${rows}`);
    }
    return {
      ...benchResult({
        rows,
        seconds: results.map(ownSeconds),
        baselineSeconds,
        peakRssMb: results.map(({ peakRssMb }) => peakRssMb),
      }),
      server_cpu_ratio: ratioOf(
        results.map((result) => result.serverCpuSeconds),
        baselineCpu,
      ),
    };
  },
};

const ownSeconds = ({ seconds, warehouseSeconds }: ExtractRound): number => seconds - warehouseSeconds;

/** Reads the view by binary COPY, discards the rows, and returns the seconds. */
async function copyAsBinary(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const startedMs = performance.now();
  const rows = client.query(copyTo(`copy (select * from ${ITEM_VIEW}) to stdout (format binary)`));
  await finished(rows.resume());
  const seconds = (performance.now() - startedMs) / 1000;
  await client.end();
  return seconds;
}

const shown = (seconds: number | null | undefined): string =>
  seconds == null ? 'unknown' : `${seconds.toFixed(2)} s`;

/** Of the medians; null where the system does not tell the CPU of other processes. */
function ratioOf(ours: (number | null)[], theirs: (number | null)[]): number | null {
  const known = (values: (number | null)[]) => values.filter((value) => value !== null);
  if (known(ours).length === 0 || known(theirs).length === 0) return null;
  return Number((median(known(ours)) / median(known(theirs))).toFixed(2));
}
