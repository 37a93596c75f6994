import { fork } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { BigQuery } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { startBigQuery } from '../emulators/bigquery/start-big-query.ts';
import { startPostgres } from '../emulators/postgres.ts';
import { startStorage } from '../emulators/storage/start-storage.ts';
import { createSmartApp, READER_ROLE } from '../smartapp/create-smartapp.ts';
import type { RoundResult } from './extract-round.ts';

const VIEW = 'pmr_pm_item';
/** Rows of the view at scale 1. */
const ROWS_AT_SCALE_1 = 99_578;
const LOCATION = 'EU';
const BUCKET = 'bench-staging';
const DATASETS = ['SMartData_Temp', 'SMartDataAnalytics', 'View_SMartData'];
/** As the functions are deployed: a smaller young generation costs little and keeps buffers from piling up (README, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=4'];

export type BenchOptions = { rows: number; rounds: number; report: (line: string) => void };

/**
 * Extracts N rows of SMartApp's largest view, each round in a process of its own, and reads the same view by COPY as binary,
 * thrown away, in between. The rate counts what the function does itself (capture, fetch, stage); what it waits for the
 * stand-in of BigQuery is told apart. Medians of the rounds; the peak is that of the worst round.
 */
export async function benchExtract({ rows, rounds, report }: BenchOptions) {
  await using cleanup = new AsyncDisposableStack();
  const postgres = await startPostgres();
  cleanup.defer(() => postgres.stop());
  const storage = await startStorage();
  cleanup.defer(() => storage.close());
  const bigquery = await startBigQuery({ storageEndpoint: storage.url });
  cleanup.defer(() => bigquery.close());

  report(`seeding ${rows} rows`);
  await postgres.createDatabase('smartapp');
  const sourceUrl = postgres.url('smartapp');
  await createSmartApp(sourceUrl, { scale: (rows * 1.02) / ROWS_AT_SCALE_1, readerPassword: 'bench' });
  await keepRows(sourceUrl, rows);

  const env = {
    ...process.env,
    BIGQUERY_LOCATION: LOCATION,
    SOURCE_DATABASE_URL: postgres.url('smartapp', READER_ROLE, 'bench'),
    STORAGE_EMULATOR_HOST: storage.url,
    BIGQUERY_EMULATOR_HOST: bigquery.url,
    // Nothing is published in a round; the address only keeps the client from looking for Google's.
    PUBSUB_EMULATOR_HOST: '127.0.0.1:9',
    METADATA_SERVER_DETECTION: 'none',
  };
  const baselines: number[] = [];
  const results: RoundResult[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const baseline = await copyAsBinary(sourceUrl);
    baselines.push(rows / baseline);
    await postgres.createDatabase(`control_${round}`);
    // A project of its own: another round's jobs and objects would have this one's names.
    const projectId = `bench-round-${round}`;
    const roundEnv = {
      ...env,
      GOOGLE_CLOUD_PROJECT: projectId,
      CONTROL_DATABASE_URL: postgres.url(`control_${round}`),
      STAGING_BUCKET: `${BUCKET}-${round}`,
    };
    await makePlaces(projectId, roundEnv);
    const result = await runRound(roundEnv);
    results.push(result);
    report(
      `round ${round}: extract ${result.seconds.toFixed(2)} s (and ${result.warehouseSeconds.toFixed(2)} s for BigQuery), ` +
        `COPY binary ${baseline.toFixed(2)} s, peak ${result.peakRssMb.toFixed(0)} MB`,
    );
    if (result.rows !== rows) throw new Error(`${result.rows} rows were staged instead of ${rows}`);
  }
  const rate = median(results.map((result) => result.rows / result.seconds));
  const baseline = median(baselines);
  return {
    rows,
    rows_per_second: Math.round(rate),
    baseline_rows_per_second: Math.round(baseline),
    ratio: Number((rate / baseline).toFixed(3)),
    peak_rss_mb: Math.round(Math.max(...results.map((result) => result.peakRssMb))),
  };
}

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

async function makePlaces(projectId: string, env: Record<string, string | undefined>): Promise<void> {
  const authClient = new PassThroughClient();
  const storage = new Storage({ projectId, apiEndpoint: String(env.STORAGE_EMULATOR_HOST), authClient });
  await storage.createBucket(String(env.STAGING_BUCKET), { location: LOCATION });
  // The client takes a stand-in's full base address from this variable only.
  process.env.BIGQUERY_EMULATOR_HOST = env.BIGQUERY_EMULATOR_HOST;
  const bigquery = new BigQuery({ projectId, authClient });
  for (const dataset of DATASETS) await bigquery.createDataset(dataset, { location: LOCATION });
}

function runRound(env: Record<string, string | undefined>): Promise<RoundResult> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('extract-round.ts', import.meta.url)), [VIEW], {
      env,
      execArgv: NODE_FLAGS,
    });
    let result: RoundResult | undefined;
    child.on('message', (message) => {
      result = message as RoundResult;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (result !== undefined && code === 0) resolve(result);
      else reject(new Error(`the round ended with exit code ${code}`));
    });
  });
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((low ?? 0) + (high ?? 0)) / 2;
}
