import { rm } from 'node:fs/promises';
import { Workload } from '../smartapp/workload.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { untilIdle, untilLoaded } from './catch-up.ts';
import { checkViews, describeCheck } from './check-views.ts';
import { Cleanup } from './cleanup.ts';
import { describeFindings } from './compare/compare.ts';
import { compareViews, pairOf } from './compare-views.ts';
import { corrupt } from './corrupt.ts';
import { formatDuration } from './log-line.ts';
import { formatResult, type Result, resultOf } from './result.ts';
import { type Stack, startStack } from './stack.ts';
import { makeThrowawayFolder, removeLeftovers } from './throwaway-folder.ts';
import { readEnabledViewSources } from './view-sources.ts';

const TICK_MS = 500;

/**
 * Loads SMartApp's views into an empty warehouse, changes SMartApp's rows while the pipeline runs, some of them without a log row, waits
 * until every logged change is applied, lets `reconcile` find and repair the others, and compares both sides. It removes everything that it
 * created.
 */
export async function runOnce(
  options: Arguments,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Result> {
  await checkCorruptOption(options);
  const startedAtMs = performance.now();
  await using cleanup = new Cleanup(say);
  await removeLeftovers(options.dataFolder);
  const dataFolder = await makeThrowawayFolder(options.dataFolder);
  cleanup.defer(`the folder ${dataFolder}`, () => rm(dataFolder, { recursive: true, force: true }));
  const stack = await startStack(
    { ...options, dataFolder, isThrowaway: true, tickMs: TICK_MS, say, signal },
    cleanup,
  );
  const seconds = () => (performance.now() - startedAtMs) / 1000;
  say(`Watch it while it runs: ${stack.adminUrl}`);
  const result = await Promise.race([replicate(stack, options, say, signal, seconds), stack.failed]);
  say('The page of the operators ends with this run; npm start shows it until Ctrl-C');
  for (const line of ['', ...formatResult(result)]) say(line);
  return result;
}

async function replicate(
  stack: Stack,
  options: Arguments,
  say: (line: string) => void,
  signal: AbortSignal,
  seconds: () => number,
): Promise<Result> {
  const watched = { controlUrl: stack.controlUrl, extractUrl: stack.functions.extract };
  say(`Ready after ${formatDuration(seconds() * 1000)}; loading the views`);
  await untilLoaded(watched, signal);

  if (stack.applicationUrl === undefined)
    say('SMartApp is not changed, because SOURCE_DATABASE_URL points to your own database');
  else await makeChanges(stack.applicationUrl, options, say, signal);
  say('Waiting until all changes are applied');
  const replicated = await untilIdle(watched, signal);

  say(
    `reconcile compares every view and repairs what no log row named (${formatDuration(seconds() * 1000)} so far)`,
  );
  const names = replicated.map(({ name }) => name);
  const checks = await checkViews(names, stack.functions, signal);
  for (const line of checks.flatMap(describeCheck)) say(line);
  const states = await untilIdle(watched, signal);

  const corrupted = states.find(({ name }) => name === options.corrupt);
  if (corrupted !== undefined) {
    const { key, column } = await corrupt(stack.cloud.bigquery, pairOf(corrupted));
    say(`Corrupted on purpose: ${corrupted.name}, key ${key}, column ${column}`);
  }
  say(`Comparing every row and column by other means (${formatDuration(seconds() * 1000)} so far)`);
  const sides = { sourceUrl: stack.sourceUrl, bigquery: stack.cloud.bigquery };
  const comparisons = await compareViews(states, sides, signal);
  for (const line of comparisons.flatMap(describeFindings)) say(line);
  return resultOf(states, { checks, comparisons }, seconds());
}

async function makeChanges(
  connectionString: string,
  { changes, seed = 1 }: Arguments,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  say(`Simulated users change ${changes.toLocaleString('en-US')} rows in SMartApp`);
  const workload = new Workload({ connectionString, seed, unlogged: true });
  const stop = () => void workload.stop();
  signal.addEventListener('abort', stop);
  try {
    const done = await workload.run({ changes });
    say(`${done.changes.toLocaleString('en-US')} row changes committed`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Reports an invalid view name before anything is started. */
async function checkCorruptOption({ corrupt: view }: Arguments): Promise<void> {
  if (view === undefined) return;
  const sources = await readEnabledViewSources();
  if (sources.find(({ name }) => name === view)?.load_type === 'bq-storage-api') {
    throw new UsageError(`--corrupt ${view}: BigQuery does not allow UPDATE on a streamed table`);
  }
  const names = sources.filter(({ load_type }) => load_type === 'merge').map(({ name }) => name);
  if (!names.includes(view)) throw new UsageError(`--corrupt takes one of ${names.join(', ')}, not ${view}`);
}
