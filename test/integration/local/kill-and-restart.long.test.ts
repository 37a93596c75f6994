import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { isAlive } from '../../emulators/process-identity.ts';
import { untilIdle } from '../../local/catch-up.ts';
import { createBigQuery } from '../../local/cloud.ts';
import { describeFindings } from '../../local/compare/compare.ts';
import { compareViews } from '../../local/compare-views.ts';
import { FUNCTIONS } from '../../local/functions.ts';
import { readEnabledViewSources } from '../../local/view-sources.ts';
import { Random } from '../../smartapp/random.ts';
import { addressOf, Command } from '../../support/command.ts';
import { processTree } from '../../support/process-tree.ts';

/** Chooses the random moments; SEED=… repeats them. */
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const RANDOM_MOMENTS = 3;
/** By then a run is ready and has applied batches. */
const LATEST_MOMENT_MS = 6000;
const POLL_INTERVAL_MS = 5;
const TIMEOUT_MS = 240_000;

/** Very short, so that the lease of a killed process ends soon. */
const SETTINGS = { LEASE_SECONDS: '2', GRACE_SECONDS: '1' };

// This process has no credentials, and Google's client must not look for any.
process.env.METADATA_SERVER_DETECTION = 'none';

describe(`npm start, killed and restarted (seed ${SEED})`, () => {
  let folder: string;
  /** The current run; it continues from one test to the next. */
  let run: Command;
  const random = new Random(SEED);

  const start = ({ changesPerSecond }: { changesPerSecond: number }): void => {
    const options = { scale: 0.02, seed: random.between(1, 1e6), rate: changesPerSecond, data: folder };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    run = new Command('local/start.ts', args, SETTINGS);
  };
  const restart = () => start({ changesPerSecond: 20 });

  const warehouse = () => join(folder, 'stack', 'bigquery');
  const earlierWarehouse = () => join(folder, 'earlier-warehouse');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-kill-and-restart-'));
    restart();
  });

  after(async () => {
    await run.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  /** Kills the run while a batch is in that state, again if the batch has finished by then; returns the unfinished batches. */
  const killWhile = async (state: string): Promise<UnfinishedBatch[]> => {
    for (;;) {
      await untilBatchIs(state, await controlUrlOf(run));
      await run.killAll();
      restart();
      const unfinished = await unfinishedBatches(run);
      if (unfinished.length > 0) return unfinished;
    }
  };

  it('starts from scratch if it was killed while it created the sample data', async () => {
    await run.saysLine(/rows of inventory/);
    await run.killAll();
    assert.match(run.output, /^The data folder is new; starting with an empty warehouse$/m);

    restart();
    await run.saysLine(/rows of pm-items/);
    assert.match(run.output, /^The last run was killed/);
    assert.match(run.output, /rows of projects/);
  });

  it('continues an initial load whose event was just published (I2, I5)', async () => {
    await run.saysLine(/^pmr_pm_item batch \d+ \(initial\): .* staged$/);
    await run.killAll();

    restart();
    const unfinished = await unfinishedBatches(run);
    assert.ok(unfinished.some(({ view }) => view === 'pmr_pm_item'));
    assert.match(run.output, /^ {2}pmr_pm_item +not loaded yet; batch/m);
    assert.doesNotMatch(run.output, /Sample data: .* rows of/, 'its database is kept');
    await untilResumed(run, unfinished);
  });

  for (const state of ['extracting', 'staged', 'applying']) {
    it(`continues a batch that was ${state} (I2, I4, I5)`, async () => {
      const unfinished = await killWhile(state);
      await untilResumed(run, unfinished);
    });
  }

  it('needs no message from the last run, because it publishes lost events again (I2)', async () => {
    await untilBatchIs('staged', await controlUrlOf(run));
    await run.killAll();
    await rm(join(folder, 'stack', 'pubsub'), { recursive: true });
    await cp(warehouse(), earlierWarehouse(), { recursive: true });

    restart();
    await run.saysLine(/^ {2}Pub\/Sub +no undelivered messages$/);
    const unfinished = await unfinishedBatches(run);
    await untilResumed(run, unfinished);
  });

  it('keeps what an operator has set when it imports the view sources again', async () => {
    const isPaused = `select paused from etl.view_source where name = 'pmr_pm_plan'`;
    await query(
      await controlUrlOf(run),
      `update etl.view_source set paused = true where name = 'pmr_pm_plan'`,
    );
    await run.killAll();

    restart();
    await run.saysLine(/^ {2}pmr_pm_plan .*; paused/);
    assert.deepEqual(await query(await controlUrlOf(run), isPaused), [{ paused: true }]);
    await query(await controlUrlOf(run), `update etl.view_source set paused = false`);
  });

  it('takes its child processes down when only the parent is killed', async () => {
    const parts = processTree(run.pid).filter((identity) => !identity.startsWith(`${run.pid}-`));
    assert.ok(parts.length > FUNCTIONS.length);
    process.kill(run.pid, 'SIGKILL');
    await run.exitCode;

    // The next run stops PostgreSQL; the other processes end by themselves.
    restart();
    await controlUrlOf(run);
    while (parts.some(isAlive)) await delay(POLL_INTERVAL_MS);
  });

  for (let moment = 1; moment <= RANDOM_MOMENTS; moment++) {
    it(`survives a kill at random moment ${moment}`, async () => {
      // A random moment is a time, so there is no condition to wait for.
      await delay(random.between(0, LATEST_MOMENT_MS));
      await run.killAll();
      restart();
    });
  }

  it('has every row and column of every enabled view equal in source and target at the end (I1, I2, I7)', async () => {
    await run.killAll();
    start({ changesPerSecond: 0 });
    assert.deepEqual(await compareAll(run), []);
  });

  it('would fail the comparison if the warehouse had lost acknowledged rows', async () => {
    await run.killAll();
    await rm(warehouse(), { recursive: true });
    await cp(earlierWarehouse(), warehouse(), { recursive: true });
    start({ changesPerSecond: 0 });
    assert.notDeepEqual(await compareAll(run), []);
  });
});

/** A batch that a run found unfinished at its start. */
interface UnfinishedBatch {
  view: string;
  id: string;
}

/** The batches that the run reports as unfinished, once it has reported them. */
async function unfinishedBatches(run: Command): Promise<UnfinishedBatch[]> {
  await controlUrlOf(run);
  const found = run.output.matchAll(/^ {2}(\w+) .*batch (\d+) is (?:extracting|staged|applying)/gm);
  return [...found].map(([, view = '', id = '']) => ({ view, id }));
}

/** Resolves when the run has reported the outcome of each batch. */
async function untilResumed(run: Command, batches: UnfinishedBatch[]): Promise<void> {
  for (const { view, id } of batches) {
    await run.saysLine(new RegExp(`^Resumed: ${view} batch ${id} was \\w+, now (applied|abandoned)`));
  }
}

/** Waits until all changes are applied and returns the differences between source and target, as lines for people. */
async function compareAll(run: Command): Promise<string[]> {
  const controlUrl = await controlUrlOf(run);
  const idle = { controlUrl, extractUrl: await addressOf(run, 'extract') };
  const states = await untilIdle(idle, AbortSignal.timeout(TIMEOUT_MS));
  assert.deepEqual(
    states.map(({ name }) => name),
    (await readEnabledViewSources()).map(({ name }) => name),
  );
  const bigquery = createBigQuery(await addressOf(run, 'BigQuery'));
  const comparisons = await compareViews(states, {
    sourceUrl: await addressOf(run, 'SMartApp'),
    bigquery,
  });
  for (const { view, sourceRows } of comparisons) assert.ok(sourceRows > 0, `${view} has rows`);
  return comparisons.flatMap(describeFindings);
}

const controlUrlOf = (run: Command): Promise<string> => addressOf(run, 'control');

/** Resolves as soon as an incremental batch is in that state. */
async function untilBatchIs(state: string, controlUrl: string): Promise<void> {
  const control = new pg.Client(controlUrl);
  control.on('error', () => undefined);
  await control.connect();
  try {
    for (;;) {
      const { rowCount } = await control.query(
        `select from etl.etl_transaction where state = $1 and kind = 'incremental'`,
        [state],
      );
      if (rowCount !== 0) return;
      await delay(POLL_INTERVAL_MS);
    }
  } finally {
    await control.end();
  }
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
