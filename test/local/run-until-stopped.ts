import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { Workload } from '../smartapp/workload.ts';
import { type Arguments, exampleCall } from './arguments.ts';
import { untilLoaded } from './catch-up.ts';
import { Cleanup } from './cleanup.ts';
import { BUCKET, RECONCILE_TOPIC } from './cloud.ts';
import { type ClaimedFolder, claimDataFolder } from './data-folder.ts';
import { emulatorFolders } from './emulators.ts';
import { countWaitingMessages, describeLastRun, followUp, type LastRun, readLastRun } from './last-run.ts';
import type { Line } from './line.ts';
import { openLogFile } from './log-file.ts';
import { describeLookout } from './look-at-data.ts';
import { startScheduler } from './scheduler.ts';
import { addressesOf, type Stack, startStack } from './stack.ts';
import type { Output } from './terminal.ts';
import { removeLeftovers } from './throwaway-folder.ts';
import { readViewSources } from './view-sources.ts';
import { readViewStates, type ViewState } from './view-states.ts';

const TICK_MS = 3000;
/** The nightly checks of the cloud, often enough to be seen. */
const CHECK_MS = 120_000;

const HEADLINES: Record<ClaimedFolder['lastRun'], string> = {
  none: 'The data folder is new; starting with an empty warehouse',
  stopped: 'The last run was stopped; this run continues from there',
  killed: 'The last run was killed, or the machine went down; this run continues from there',
};

/** Runs the whole stack with a workload in SMartApp until `signal` aborts. Throws if a part of the stack ends by itself. */
export async function runUntilStopped(
  options: Arguments,
  { say, step }: Output,
  signal: AbortSignal,
): Promise<void> {
  // Before anything is started.
  if (options.views !== undefined) await readViewSources(options.views);
  await using cleanup = new Cleanup(say);
  const folder = await claimDataFolder(options.dataFolder);
  cleanup.defer('the claim of the data folder', () => folder.release());
  say(HEADLINES[folder.lastRun]);
  if ((await removeLeftovers(options.dataFolder)) > 0)
    say('Removed the leftovers of a --once run that was killed');
  // Counted now, because Pub/Sub delivers them as soon as it runs.
  const waitingMessages = process.env.PUBSUB_EMULATOR_HOST
    ? undefined
    : countWaitingMessages(emulatorFolders(folder.path).pubsub);
  let lastRun: LastRun | undefined;
  const logFile = openLogFile(join(folder.path, 'functions.log'));
  const stack = await startStack(
    {
      ...options,
      onLogLine: logFile.append,
      dataFolder: folder.path,
      isThrowaway: false,
      tickMs: TICK_MS,
      say,
      step,
      signal,
      beforeDelivery: async ({ controlUrl, functions, cloud }) => {
        if (folder.lastRun === 'none') return;
        const bucket = cloud.storage.bucket(BUCKET);
        lastRun = await readLastRun({ controlUrl, extractUrl: functions.extract, bucket, waitingMessages });
        for (const line of ['', 'The last run left:', ...describeLastRun(lastRun)]) say(line);
      },
    },
    cleanup,
  );
  await folder.publish({ ...addressesOf(stack), logFile: logFile.path });
  for (const line of await describeStack(stack, options)) say(line);
  const checks = startScheduler({
    pubsub: stack.cloud.pubsub,
    topic: RECONCILE_TOPIC,
    message: { repair: true },
    delayMs: CHECK_MS,
    intervalMs: CHECK_MS,
    onError: (error) => say(`scheduler: could not request the checks: ${error}`),
  });
  cleanup.defer('the scheduler of checks', () => checks.stop());
  if (lastRun !== undefined) startFollowUp(lastRun, stack.controlUrl, say, cleanup);

  if (stack.applicationUrl !== undefined && options.rate > 0) {
    const workload = new Workload({
      connectionString: stack.applicationUrl,
      // Repeating the changes of an earlier run would change almost nothing.
      seed: options.seed ?? Date.now() % 1_000_000,
    });
    workload.start({ changesPerSecond: options.rate });
    cleanup.defer("SMartApp's workload", () => workload.stop());
  }
  showFirstLoad(stack, { say, step }, cleanup);
  await Promise.race([signal.aborted || once(signal, 'abort'), stack.failed]);
}

/** Shows how far the first load of the views is, until all are loaded or `cleanup` is disposed. */
function showFirstLoad(
  { controlUrl, sourceUrl, sourceTls, functions }: Stack,
  { say, step }: Output,
  cleanup: Cleanup,
): void {
  const ending = new AbortController();
  const progress = step('Loading the views');
  const source = { connectionString: sourceUrl, ssl: sourceTls };
  const loaded = untilLoaded({ controlUrl, extractUrl: functions.extract, source }, ending.signal, progress)
    .catch((error: unknown) => {
      if (!ending.signal.aborted)
        say(`Not every view is loaded: ${error instanceof Error ? error.message : error}`);
    })
    .finally(() => progress.end());
  cleanup.defer('the progress of the first load', async () => {
    ending.abort();
    await loaded;
  });
}

/** Reports the outcome of the batches that were in flight, until `cleanup` is disposed. */
function startFollowUp(
  lastRun: LastRun,
  controlUrl: string,
  say: (line: string) => void,
  cleanup: Cleanup,
): void {
  const ending = new AbortController();
  const reported = followUp(lastRun, { controlUrl, say, signal: ending.signal });
  cleanup.defer('the report of the last run', async () => {
    ending.abort();
    await reported;
  });
}

async function describeStack(
  { adminUrl, functions, endpoints, applicationUrl, controlUrl, sourceUrl }: Stack,
  { dataFolder, rate }: Pick<Arguments, 'dataFolder' | 'rate'>,
): Promise<Line[]> {
  const [example] = await readViews(controlUrl);
  const addresses = {
    ...functions,
    BigQuery: endpoints.bigqueryUrl,
    Storage: endpoints.storageUrl,
    'Pub/Sub': endpoints.pubsubHost,
    ...(applicationUrl && { SMartApp: applicationUrl }),
    control: controlUrl,
    data: dataFolder,
  };
  const hasWorkload = applicationUrl !== undefined && rate > 0;
  return [
    '',
    ['Watch it and act: ', ['strong', adminUrl]],
    '',
    ...describeLookout({
      sourceUrl,
      isExternal: applicationUrl === undefined,
      dataFolder,
      example,
    }),
    '',
    'Everything is running:',
    ...Object.entries(addresses).map(([name, address]) => `  ${name.padEnd(10)}${address}`),
    '',
    ...(applicationUrl === undefined
      ? ['SOURCE_DATABASE_URL names your own database, which is only read: no simulated changes.']
      : []),
    ...(hasWorkload ? [`Simulated users change ${rate} rows per second in SMartApp (--rate 0: none).`] : []),
    `Every ${CHECK_MS / 60_000} minutes reconcile compares both sides and repairs what differs: change rows by SQL, without a log row, and watch.`,
    `Call a function by hand: ${exampleCall(dataFolder)}. Ctrl-C stops.`,
    '',
  ];
}

async function readViews(controlUrl: string): Promise<ViewState[]> {
  const control = new pg.Client(controlUrl);
  control.on('error', () => undefined);
  await control.connect();
  try {
    return await readViewStates(control);
  } finally {
    await control.end();
  }
}
