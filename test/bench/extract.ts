import { finished } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { type Bench, benchResult } from './bench.ts';
import { READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import type { ExtractRound } from './extract-round.ts';
import { runRound } from './run-round.ts';

const VIEW = 'pmr_pm_item';
/** Rows of the view at scale 1. */
const ROWS_AT_SCALE_1 = 99_578;

/**
 * Extracts N rows of SMartApp's largest view, each round in a process of its own, and reads the same view by COPY as binary,
 * thrown away, in between. The rate counts what the function does itself (capture, fetch, stage); what it waits for the
 * stand-in of BigQuery is told apart.
 */
export const extractBench: Bench = {
  maxRows: 999_999_999,
  async run({ rows, rounds, report }) {
    await using stack = await startBenchStack();
    report(`seeding ${rows} rows`);
    const { sourceUrl } = stack;
    await createSmartApp(sourceUrl, {
      scale: (rows * 1.02) / ROWS_AT_SCALE_1,
      readerPassword: READER_PASSWORD,
    });
    await keepRows(sourceUrl, rows);

    const baselineSeconds: number[] = [];
    const results: ExtractRound[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const baseline = await copyAsBinary(sourceUrl);
      baselineSeconds.push(baseline);
      // A project of its own: another round's jobs and objects would have this one's names.
      const env = await stack.makeProject(`bench-extract-${round}`, `control_${round}`);
      await stack.postgres.createDatabase(`control_${round}`);
      const result = await runRound<ExtractRound>('extract-round.ts', [VIEW], env);
      results.push(result);
      report(
        `round ${round}: extract ${ownSeconds(result).toFixed(2)} s (and ${result.warehouseSeconds.toFixed(2)} s for BigQuery), ` +
          `COPY binary ${baseline.toFixed(2)} s, peak ${result.peakRssMb.toFixed(0)} MB`,
      );
      if (result.rows !== rows) throw new Error(`${result.rows} rows were staged instead of ${rows}`);
    }
    return benchResult({
      rows,
      seconds: results.map(ownSeconds),
      baselineSeconds,
      peakRssMb: results.map(({ peakRssMb }) => peakRssMb),
    });
  },
};

const ownSeconds = ({ seconds, warehouseSeconds }: ExtractRound): number => seconds - warehouseSeconds;

async function keepRows(url: string, rows: number): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    'delete from app_pm_inventory where id > (select id from app_pm_inventory order by id offset $1 limit 1) - 1',
    [rows],
  );
  await client.query('vacuum analyze app_pm_inventory');
  await client.end();
}

/** Seconds to read the view as COPY binary, thrown away. */
async function copyAsBinary(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const startedMs = performance.now();
  const rows = client.query(copyTo(`copy (select * from ${VIEW}) to stdout (format binary)`));
  await finished(rows.resume());
  const seconds = (performance.now() - startedMs) / 1000;
  await client.end();
  return seconds;
}
