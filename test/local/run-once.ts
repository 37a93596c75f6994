import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Workload } from '../smartapp/workload.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { untilIdle, untilLoaded } from './catch-up.ts';
import { checkViews, describeCheck } from './check-views.ts';
import { Cleanup } from './cleanup.ts';
import { describeFindings } from './compare/compare.ts';
import { compareViews, pairOf } from './compare-views.ts';
import { corrupt } from './corrupt.ts';
import { claimDataFolder } from './data-folder.ts';
import type { Say } from './line.ts';
import { formatDuration } from './log-line.ts';
import { describeLookout, type Lookout } from './look-at-data.ts';
import type { Step } from './progress.ts';
import { formatResult, type Result, resultOf } from './result.ts';
import { addressesOf, type Stack, startStack } from './stack.ts';
import type { Output } from './terminal.ts';
import { makeThrowawayFolder, removeLeftovers } from './throwaway-folder.ts';
import { readEnabledViewSources } from './view-sources.ts';
import type { ViewState } from './view-states.ts';

const TICK_MS = 500;

/**
 * Loads views into an empty warehouse, changes SMartApp's rows while the pipeline runs, some of them without a log row, waits until every
 * logged change is applied, lets `reconcile` find and repair the others, and compares both sides. A source of the user is only read. With
 * `keep`, everything runs on until `signal` aborts. It removes everything that it created.
 */
export async function runOnce(
  options: Arguments,
  { say, step }: Output,
  signal: AbortSignal,
): Promise<Result> {
  // Before anything is started.
  const views = await readEnabledViewSources(options.views);
  checkCorruptOption(options, views);
  const startedAtMs = performance.now();
  await using cleanup = new Cleanup(say);
  await removeLeftovers(options.dataFolder);
  const dataFolder = await makeThrowawayFolder(options.dataFolder);
  cleanup.defer(`the folder ${dataFolder}`, () => rm(dataFolder, { recursive: true, force: true }));
  const folder = await claimDataFolder(dataFolder);
  const stack = await startStack(
    { ...options, dataFolder, isThrowaway: true, tickMs: TICK_MS, say, step, signal },
    cleanup,
  );
  await folder.publish(addressesOf(stack));
  const seconds = () => (performance.now() - startedAtMs) / 1000;
  say(['Watch it while it runs: ', ['strong', stack.adminUrl]]);
  const run: Run = { stack, options, output: { say, step }, signal, seconds };
  const result = await Promise.race([replicate(run), stack.failed]);
  for (const line of ['', ...formatResult(result), '']) say(line);
  if (options.keep) await keepRunning({ stack, dataFolder, example: views[0] }, say, signal);
  else {
    const again = options.views === undefined ? 'npm start' : `npm start -- --views ${options.views}`;
    say(`Nothing stays: these data are removed now. To look at both sides, add --keep, or run ${again}`);
  }
  return result;
}

/** Says how to look at both sides, and waits until `signal` aborts. Throws if a part of the stack ends by itself. */
async function keepRunning(
  { stack, dataFolder, example }: { stack: Stack } & Pick<Lookout, 'dataFolder' | 'example'>,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const { adminUrl, sourceUrl, applicationUrl } = stack;
  const lookout = describeLookout({
    sourceUrl,
    isExternal: applicationUrl === undefined,
    dataFolder,
    example,
  });
  say(['Watch it and act: ', ['strong', adminUrl]]);
  for (const line of ['', ...lookout, '', ENDS]) say(line);
  await Promise.race([signal.aborted || once(signal, 'abort'), stack.failed]);
}

const ENDS = 'Everything runs on, without simulated changes, until Ctrl-C; then these data are removed.';

interface Run {
  stack: Stack;
  options: Arguments;
  output: Output;
  signal: AbortSignal;
  /** Since the start. */
  seconds: () => number;
}

async function replicate(run: Run): Promise<Result> {
  const { stack, options, signal, seconds } = run;
  const { say, step } = run.output;
  const source = { connectionString: stack.sourceUrl, ssl: stack.sourceTls };
  const watched = { controlUrl: stack.controlUrl, extractUrl: stack.functions.extract, source };
  const soFar = () => `(${formatDuration(seconds() * 1000)} so far)`;
  say(`Ready after ${formatDuration(seconds() * 1000)}; loading the views`);
  await during(step('Loading the views'), (progress) => untilLoaded(watched, signal, progress));

  if (stack.applicationUrl === undefined)
    say('No simulated changes: SOURCE_DATABASE_URL names your own database, which is only read');
  else await makeChanges(stack.applicationUrl, run);
  say('Waiting until all changes are applied');
  const replicated = await during(step('Applying the changes'), (progress) =>
    untilIdle(watched, signal, progress),
  );

  say(`reconcile compares every view and repairs what no log row named ${soFar()}`);
  const names = replicated.map(({ name }) => name);
  const checks = await during(step('Reconcile'), (progress) =>
    checkViews(names, stack.functions, signal, progress),
  );
  for (const line of checks.flatMap(describeCheck)) say(line);
  const states = await during(step('Applying the repairs'), (progress) =>
    untilIdle(watched, signal, progress),
  );

  const corrupted = states.find(({ name }) => name === options.corrupt);
  if (corrupted !== undefined) {
    const { key, column } = await corrupt(stack.cloud.bigquery, pairOf(corrupted));
    say(`Corrupted on purpose: ${corrupted.name}, key ${key}, column ${column}`);
  }
  say(`Comparing every row and column by other means ${soFar()}`);
  const comparisons = await compareAll(states, run);
  for (const line of comparisons.flatMap(describeFindings)) say([['bad', line]]);
  const result = resultOf(states, { checks, comparisons }, seconds());
  if (stack.applicationUrl === undefined && comparisons.some(({ totals }) => totals.size > 0)) {
    say(
      'If something wrote to your database during the comparison, these rows may be on their way: run it again.',
    );
  }
  return result;
}

function compareAll(states: ViewState[], { stack, output, signal }: Run) {
  const { sourceUrl, sourceTls, cloud } = stack;
  // The functions read the same variable, and check it.
  const timeZone = process.env.SOURCE_TIME_ZONE || undefined;
  const sides = { sourceUrl, sourceTls, bigquery: cloud.bigquery, timeZone };
  return during(output.step('Comparing'), (progress) =>
    compareViews(states, sides, {
      signal,
      onRows: (done, total) => progress.update({ done, total, unit: 'rows', detail: 'both sides' }),
    }),
  );
}

async function during<T>(progress: Step, work: (progress: Step) => Promise<T>): Promise<T> {
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}

async function makeChanges(
  connectionString: string,
  { options: { changes, seed = 1 }, output: { say, step }, signal }: Run,
): Promise<void> {
  say(`Simulated users change ${changes.toLocaleString('en-US')} rows in SMartApp`);
  const progress = step('Changing rows');
  let committed = 0;
  const onChange = () => {
    committed += 1;
    progress.update({ done: committed, total: changes, unit: 'rows' });
  };
  const workload = new Workload({ connectionString, seed, unlogged: true, onChange });
  const stop = () => void workload.stop();
  signal.addEventListener('abort', stop);
  try {
    const done = await workload.run({ changes });
    say(`${done.changes.toLocaleString('en-US')} row changes committed`);
  } finally {
    progress.end();
    signal.removeEventListener('abort', stop);
  }
}

/** Reports an invalid view name before anything is started. */
function checkCorruptOption(
  { corrupt: view }: Arguments,
  views: readonly { name: string; loadType: string }[],
): void {
  if (view === undefined) return;
  if (views.find(({ name }) => name === view)?.loadType === 'bq-storage-api') {
    throw new UsageError(`--corrupt ${view}: BigQuery does not allow UPDATE on a streamed table`);
  }
  const names = views.filter(({ loadType }) => loadType === 'merge').map(({ name }) => name);
  if (!names.includes(view)) throw new UsageError(`--corrupt takes one of ${names.join(', ')}, not ${view}`);
}
