import assert from 'node:assert/strict';
import { startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { Random } from '../../smartapp/random.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';
import { TORTURE_SCHEMA } from './application.ts';
import { CHECKPOINT_STEPS } from './carried.ts';
import { judge, TORTURED, type Verdict } from './judge.ts';
import { RandomFaults } from './random-faults.ts';
import { TickingProcess } from './ticking-process.ts';
import { Ticks } from './ticks.ts';
import { Writer } from './writer.ts';

export type TortureOptions = {
  seed: number;
  writers: number;
  /** How many transactions all writers together end, committed or rolled back, unless the time is up before. */
  transactions: number;
  minutes?: number;
  /** Of a call to Google's services that fails, or of the source's connections to break, at each tick; none by default. */
  faultChance?: number;
  report?: (line: string) => void;
};

export type TortureResult = { seed: number; transactions: number; ticks: number; faults: number } & Verdict;

/** Short, so that floors move while the writers write. */
const GRACE_SECONDS = '1';
/** Of each process: they cut batches differently, and compete for the views. */
const MAX_BATCH_LOG_ROWS = ['40', '300', '3000'];
const TICKS_BETWEEN_PRUNINGS = 40;
/** Keeps the random numbers of neighbouring seeds apart. */
const APART = 0x9e3779b1;
/** Ticks in which everything must have come to rest, grace included. */
const MOST_TICKS_TO_DRY = 20_000;

/**
 * Lets writers and ticks loose on each other in an installation of its own, from before the initial loads on, lets the ticks run
 * dry when the writers have ended, and judges what came of it. The seed decides what each writer does; how the steps of all
 * of them interleave is the machine's.
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
  const faultsMet = faults.end();
  await tickUntilDry(on, processes);
  await proxy.close();
  const ticks = processes.reduce((sum, process) => sum + process.ticks, 0);
  return {
    seed: options.seed,
    transactions,
    ticks,
    faults: faultsMet,
    ...(await judge(on, carriedIdly(processes))),
  };
}

/** Answers how many transactions were ended. */
async function tickWhileWriting(
  on: Installation,
  processes: TickingProcess[],
  faults: RandomFaults,
  { transactions, minutes = Number.POSITIVE_INFINITY, writers, seed, report }: TortureOptions,
): Promise<number> {
  const ticks = new Ticks();
  const endMs = performance.now() + minutes * 60_000;
  const connections = Array.from({ length: writers }, (_, number) => {
    const random = new Random(Math.imul(seed, APART) + number);
    return new Writer(on.parts.sourceUrl, { number, random, ticks });
  });
  const written = () => connections.reduce((sum, writer) => sum + writer.transactions, 0);
  let isWriting = true;
  const keepTicking = async (process: TickingProcess) => {
    while (isWriting) {
      await process.tick();
      ticks.add();
      faults.maybe();
      if (ticks.count % TICKS_BETWEEN_PRUNINGS !== 0) continue;
      await prune(on);
      report?.(`${written()} transactions, ${ticks.count} ticks`);
    }
  };
  const ticking = processes.map(keepTicking);
  const writing = connections.map((writer) =>
    writer.runUntil((ended) => ended >= transactions / writers || performance.now() >= endMs),
  );
  try {
    await Promise.race([Promise.all(writing), Promise.all(ticking)]);
  } finally {
    isWriting = false;
    await Promise.all(ticking);
  }
  return written();
}

/** Deletes the log rows that every view has covered for good, as an operator may; they are kept aside to be counted. */
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

/** Ticks until nothing is found any more and every floor stands at the end of the log, with nothing seen above it. */
async function tickUntilDry(on: Installation, processes: TickingProcess[]): Promise<void> {
  const { rows } = await on.source.database.query('select max(id) as "lastId" from models_logging_change');
  for (let ticks = 0; ticks < MOST_TICKS_TO_DRY; ticks += 1) {
    if (!(await processes[ticks % processes.length]?.tick())) continue;
    const atRest = await on.control.query(
      `select count(*)::int as views from etl.checkpoint where floor_id = $1 and seen = '{}'`,
      [rows[0].lastId],
    );
    if (atRest.rows[0].views === TORTURED.length) return;
  }
  const { rows: checkpoints } = await on.control.query('select * from etl.checkpoint');
  assert.fail(`the ticks do not run dry: ${JSON.stringify(checkpoints)}`);
}

function carriedIdly(processes: TickingProcess[]): Map<string, bigint> {
  const sum = new Map<string, bigint>();
  for (const [view, logRows] of processes.flatMap((process) => [...process.carriedIdly])) {
    sum.set(view, (sum.get(view) ?? 0n) + logRows);
  }
  return sum;
}
