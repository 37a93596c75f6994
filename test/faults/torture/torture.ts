import assert from 'node:assert/strict';
import { startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { Random } from '../../smartapp/random.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';
import { TORTURE_SCHEMA } from './application.ts';
import { CHECKPOINT_STEPS } from './captured.ts';
import { judge, TORTURED, type Verdict } from './judge.ts';
import { RandomFaults } from './random-faults.ts';
import { TickingProcess } from './ticking-process.ts';
import { Ticks } from './ticks.ts';
import { Writer } from './writer.ts';

export type TortureOptions = {
  seed: number;
  writers: number;
  /** The number of transactions of all writers, committed or rolled back, unless the time is up before. */
  transactions: number;
  minutes?: number;
  /** The probability, per tick, that a call to a Google service fails or the source's connections break; 0 by default. */
  faultChance?: number;
  report?: (line: string) => void;
};

export type TortureResult = { seed: number; transactions: number; ticks: number; faults: number } & Verdict;

/** Short, so that floors move while the writers are busy. */
const GRACE_SECONDS = '1';
/** One entry per process: the processes cut batches differently, and compete for the views. */
const MAX_BATCH_LOG_ROWS = ['40', '300', '3000'];
const TICKS_BETWEEN_PRUNINGS = 40;
/** Gives neighbouring seeds unrelated random numbers. */
const SEED_MULTIPLIER = 0x9e3779b1;
/** All work must be done after this many ticks, including the grace period. */
const MAX_TICKS_UNTIL_IDLE = 20_000;

/**
 * Runs writers and ticks concurrently in a new installation, starting before the initial loads. After the writers have stopped, it
 * ticks until no work is left, and checks the end state. The seed decides what each writer does, but not how their steps
 * interleave.
 */
export async function torture(stack: Stack, options: TortureOptions): Promise<TortureResult> {
  const on = await stack.install({ settings: { GRACE_SECONDS }, views: [STREAMED_ENTRY] });
  await on.source.database.query(TORTURE_SCHEMA);
  await on.control.query(CHECKPOINT_STEPS);
  const proxy = await startPostgresProxy({ port: stack.postgres.port, sideOf: () => 'source' });
  const SOURCE_DATABASE_URL = proxy.url(on.parts.env.SOURCE_DATABASE_URL ?? '');
  const processes = await Promise.all(
    MAX_BATCH_LOG_ROWS.map(async (rows) => {
      const process = await on.anotherProcess({ MAX_BATCH_LOG_ROWS: rows, SOURCE_DATABASE_URL });
      return new TickingProcess(
        process,
        TORTURED.map(({ view }) => view),
      );
    }),
  );
  const faults = new RandomFaults(stack, proxy, new Random(options.seed), options.faultChance ?? 0);
  const transactions = await tickWhileWriting(on, processes, faults, options);
  const injectedFaults = faults.end();
  await tickUntilIdle(on, processes);
  await proxy.close();
  const ticks = processes.reduce((sum, process) => sum + process.ticks, 0);
  return {
    seed: options.seed,
    transactions,
    ticks,
    faults: injectedFaults,
    ...(await judge(on, sumOfIdleLogRows(processes))),
  };
}

/** Returns the number of finished transactions. */
async function tickWhileWriting(
  on: Installation,
  processes: TickingProcess[],
  faults: RandomFaults,
  { transactions, minutes = Number.POSITIVE_INFINITY, writers, seed, report }: TortureOptions,
): Promise<number> {
  const ticks = new Ticks();
  const endMs = performance.now() + minutes * 60_000;
  const connections = Array.from({ length: writers }, (_, writer) => {
    const random = new Random(Math.imul(seed, SEED_MULTIPLIER) + writer);
    return new Writer(on.parts.sourceUrl, { writer, random, ticks });
  });
  const finished = () => connections.reduce((sum, connection) => sum + connection.transactions, 0);
  let isWriting = true;
  const keepTicking = async (process: TickingProcess) => {
    while (isWriting) {
      await process.tick();
      ticks.add();
      faults.injectSometimes();
      if (ticks.count % TICKS_BETWEEN_PRUNINGS !== 0) continue;
      await prune(on);
      report?.(`${finished()} transactions, ${ticks.count} ticks`);
    }
  };
  const ticking = processes.map(keepTicking);
  const writing = connections.map((connection) =>
    connection.runUntil((count) => count >= transactions / writers || performance.now() >= endMs),
  );
  try {
    await Promise.race([Promise.all(writing), Promise.all(ticking)]);
  } finally {
    isWriting = false;
    await Promise.all(ticking);
  }
  return finished();
}

/** Deletes the log rows below every floor, as an operator may. A copy is kept, so that they can be counted. */
async function prune({ control, source }: Installation): Promise<void> {
  const { rows } = await control.query(
    'select min(floor_id) as floor from etl.checkpoint having count(*) = $1',
    [TORTURED.length],
  );
  await source.database.query(
    `with pruned as (delete from models_logging_change where id < $1 returning id, content_type_id)
     insert into pruned_change select id, content_type_id from pruned`,
    [rows[0]?.floor ?? 0],
  );
}

/** Ticks until there is no work, and every floor is at the end of the log with no seen ranges above it. */
async function tickUntilIdle(on: Installation, processes: TickingProcess[]): Promise<void> {
  const { rows } = await on.source.database.query('select max(id) as "lastId" from models_logging_change');
  for (let ticks = 0; ticks < MAX_TICKS_UNTIL_IDLE; ticks += 1) {
    if (!(await processes[ticks % processes.length]?.tick())) continue;
    const idle = await on.control.query(
      `select count(*)::int as views from etl.checkpoint where floor_id = $1 and seen = '{}'`,
      [rows[0].lastId],
    );
    if (idle.rows[0].views === TORTURED.length) return;
  }
  const { rows: checkpoints } = await on.control.query('select * from etl.checkpoint');
  assert.fail(`the ticks still find work: ${JSON.stringify(checkpoints)}`);
}

function sumOfIdleLogRows(processes: TickingProcess[]): Map<string, bigint> {
  const sum = new Map<string, bigint>();
  for (const [view, logRows] of processes.flatMap((process) => [...process.idleLogRows])) {
    sum.set(view, (sum.get(view) ?? 0n) + logRows);
  }
  return sum;
}
