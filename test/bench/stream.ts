import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import type { Bench } from './bench.ts';
import { READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import { compareCases } from './compare-cases.ts';
import { type Measured, PROFILE_VARIABLE } from './measure.ts';
import { type Received, startReceiver } from './receiver.ts';
import type { StagedIncidents } from './stage-incidents.ts';
import type { StreamRound } from './stream-round.ts';

const VIEW = 'xyz_incident';
const TARGET = 'incident';
/** A few thousand incidents are enough as patterns for the others. */
const SCALE = 0.5;
/** The highest value of MAX_BATCH_LOG_ROWS. */
const MAX_ROWS = 2_000_000;
const PROJECT = 'bench-stream';
const STAGED_CONTROL = 'control';
/** How late BigQuery may answer while it works: the stream opens further connections then. */
const LATE_MS = 300;
/** Memory counts as flat if the last quarter of the time needs at most this factor of the second. */
const FLAT_RATIO = 1.15;
/** Until then memory grows to the point where V8 starts to collect the old generation. */
const SETTLING_SECONDS = 3;

/**
 * Streams a batch of N incidents, with nine upserts for each delete, each round in its own process. The baseline feeds the same
 * rows, as lines of JSON, to the JSONWriter of Google's package, in another process, in requests of the same size. The rate counts everything from
 * the event to the applied batch; a receiver that only counts acknowledges the requests. Both must send the same rows and bytes. A
 * rehearsal against the emulator compares source and target first. The last case is the stream again, with late answers.
 */
export const streamBench: Bench = {
  maxRows: MAX_ROWS,
  async run({ rows, rounds, profile, report }) {
    await using stack = await startBenchStack();
    await createSmartApp(stack.sourceUrl, { scale: SCALE, readerPassword: READER_PASSWORD });
    await stack.postgres.createDatabase(STAGED_CONTROL);
    const env = await stack.makeProject(PROJECT, STAGED_CONTROL);

    await using files = await temporaryFolder();
    const linesFile = join(files.path, 'rows.ndjson.gz');
    report(`rehearsing, then staging ${rows} rows`);
    const staged = await stack.runRound<StagedIncidents>(
      'stage-incidents',
      [String(rows), stack.sourceUrl, linesFile],
      {
        ...env,
        MAX_BATCH_LOG_ROWS: String(MAX_ROWS),
      },
    );
    report(`staged ${staged.upserts} upserts and ${staged.deletes} deletes`);

    using receiver = await startReceiver();
    const streamed: StreamRound[] = [];
    const baselines: Measured[] = [];
    const late: StreamRound[] = [];
    // Every round starts with the staged batch, in a fresh copy of the control database.
    const prepareRound = async (name: string | number) => {
      const database = `control_${name}`;
      await copyDatabase(stack.postgres.url(), STAGED_CONTROL, database);
      await replaceOriginal(stack.postgres.url(database));
      return {
        ...env,
        CONTROL_DATABASE_URL: stack.postgres.url(database),
        BIGQUERY_STORAGE_EMULATOR_HOST: receiver.host,
      };
    };
    const batch = [VIEW, staged.etlTransactionId];
    for (let round = 1; round <= rounds; round += 1) {
      const roundEnv = await prepareRound(round);
      const stream = await stack.runRound<StreamRound>('stream-round', batch, roundEnv);
      const ours = receiver.take();
      const rowsPerRequest = String(Math.ceil(ours.rows / ours.requests));
      const baseline = await stack.runRound<Measured>(
        'json-writer-round',
        [TARGET, rowsPerRequest, staged.linesFile],
        roundEnv,
      );
      assertSame(rows, ours, receiver.take());
      streamed.push(stream);
      baselines.push(baseline);
      for (const line of describe(round, stream, baseline, ours)) report(line);
      receiver.setAnswerDelay(LATE_MS);
      late.push(
        await stack.runRound<StreamRound>('stream-round', batch, await prepareRound(`${round}_late`)),
      );
      receiver.setAnswerDelay(0);
      const { connections } = receiver.take();
      report(
        `  answers after ${LATE_MS} ms: ${late.at(-1)?.seconds.toFixed(2)} s, ${connections} connections`,
      );
    }
    const result = compareCases(rows, {
      stream: streamed,
      JSONWriter: baselines,
      [`stream, answers after ${LATE_MS} ms`]: late,
    });
    if (!profile) return result;
    const profiledEnv = { ...(await prepareRound('profiled')), [PROFILE_VARIABLE]: '1' };
    const { profile: places = [] } = await stack.runRound<StreamRound>('stream-round', batch, profiledEnv);
    return { ...result, profile: places };
  },
};

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'smart-datahub-bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Copies a database. The original must have no connections. */
async function copyDatabase(url: string, original: string, copy: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    `create database ${pg.escapeIdentifier(copy)} template ${pg.escapeIdentifier(original)}`,
  );
  await client.end();
}

/** Lets a copy of the control database feed the targets of its original, which is not used any more. */
async function replaceOriginal(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('update etl.installation set home = null');
  await client.end();
}

/** Fields have the same numbers in both descriptors, so the same row has the same number of bytes, although perhaps in another order. */
function assertSame(rows: number, ours: Received, theirs: Received): void {
  if (ours.rows === rows && theirs.rows === rows && ours.rowBytes === theirs.rowBytes) return;
  throw new Error(
    `expected ${rows} rows; stream sent ${ours.rows} (${ours.rowBytes} bytes), JSONWriter ${theirs.rows} (${theirs.rowBytes} bytes)`,
  );
}

function describe(round: number, stream: StreamRound, baseline: Measured, ours: Received): string[] {
  const quarters = stream.quartersRssMb.map((mb) => mb.toFixed(0)).join(', ');
  return [
    `round ${round}: stream ${stream.seconds.toFixed(2)} s, JSONWriter ${baseline.seconds.toFixed(2)} s; ` +
      `${ours.requests} requests on ${ours.connections} connections, ${(ours.rowBytes / 1e6).toFixed(1)} MB of rows`,
    `  stream: ${stream.rowSeconds.toFixed(2)} s for reading and cutting, ` +
      `${(stream.seconds - stream.rowSeconds).toFixed(2)} s for sending and everything else; ` +
      `its main thread was at work for ${stream.busySeconds.toFixed(2)} s of ${stream.seconds.toFixed(2)} s`,
    `  memory: at most ${quarters} MB in the quarters of the time: ${trendOf(stream)}; ` +
      `peak ${stream.peakRssMb.toFixed(0)} MB, JSONWriter's ${baseline.peakRssMb.toFixed(0)} MB`,
  ];
}

function trendOf({ seconds, quartersRssMb: [, second = 0, , last = 0] }: StreamRound): string {
  // The second quarter must begin after the memory has settled.
  if (seconds < 2 * SETTLING_SECONDS) return 'too short to tell whether it is flat';
  return last <= second * FLAT_RATIO ? 'flat' : 'growing';
}
