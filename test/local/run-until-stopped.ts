import { once } from 'node:events';
import { join } from 'node:path';
import { Workload } from '../smartapp/workload.ts';
import { type Arguments, exampleCall } from './arguments.ts';
import { Cleanup } from './cleanup.ts';
import { BUCKET, RECONCILE_TOPIC } from './cloud.ts';
import { type ClaimedFolder, claimDataFolder } from './data-folder.ts';
import { emulatorFolders } from './emulators.ts';
import { countWaitingMessages, describeLastRun, followUp, type LastRun, readLastRun } from './last-run.ts';
import { openLogFile } from './log-file.ts';
import { startScheduler } from './scheduler.ts';
import { type Stack, startStack } from './stack.ts';
import { removeLeftovers } from './throwaway-folder.ts';

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
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
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
  const { adminUrl, functions, sourceUrl, endpoints } = stack;
  const { bigqueryUrl } = endpoints;
  await folder.publish({ adminUrl, functions, sourceUrl, bigqueryUrl, logFile: logFile.path });
  for (const line of describeStack(stack, options)) say(line);
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
  await Promise.race([signal.aborted || once(signal, 'abort'), stack.failed]);
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

function describeStack(
  { adminUrl, functions, endpoints, applicationUrl, controlUrl }: Stack,
  { dataFolder, rate }: Pick<Arguments, 'dataFolder' | 'rate'>,
): string[] {
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
    `Watch it and act: ${adminUrl}`,
    '',
    'Everything is running:',
    ...Object.entries(addresses).map(([name, address]) => `  ${name.padEnd(10)}${address}`),
    '',
    ...(hasWorkload ? [`Simulated users change ${rate} rows per second in SMartApp (--rate 0: none).`] : []),
    `Every ${CHECK_MS / 60_000} minutes reconcile compares both sides and repairs what differs: change rows by SQL, without a log row, and watch.`,
    `Call a function by hand: ${exampleCall(dataFolder)}. Ctrl-C stops.`,
    '',
  ];
}
