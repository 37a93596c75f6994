import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import {
  BUCKET,
  type Cloud,
  createCloud,
  LOCATION,
  makeResources,
  PROJECT,
  subscribe,
  unsubscribe,
} from './cloud.ts';
import { makeSmartApp, startDatabases } from './databases.ts';
import { checkElsewhere } from './elsewhere.ts';
import {
  callFunction,
  FUNCTIONS,
  type FunctionName,
  isFailure,
  type RunningFunction,
  startFunction,
} from './functions.ts';
import { formatLogLine } from './log-line.ts';
import { startScheduler } from './scheduler.ts';
import { type Endpoints, startStandIns } from './stand-ins.ts';
import { readViewSources } from './view-sources.ts';

const IMPORT_TRIES = 5;

export interface StackOptions {
  dataFolder: string;
  /** Keeps nothing, and takes any ports, so that it is in nobody's way. */
  isThrowaway: boolean;
  scale: number;
  seed: number | undefined;
  tickMs: number;
  /** Shows the functions' log lines as they are. */
  verbose: boolean;
  /** Whether every function listens for a debugger. */
  inspect: boolean;
  say: (line: string) => void;
  signal: AbortSignal;
  /** Called when every part runs and nothing is delivered or scheduled yet. */
  beforeDelivery?: (parts: Pick<Stack, 'cloud' | 'controlUrl' | 'functions'>) => Promise<void>;
}

/** Everything that runs; a part ends when the `cleanup` that it was started with is disposed of. */
export interface Stack {
  functions: Record<FunctionName, string>;
  endpoints: Endpoints;
  cloud: Cloud;
  sourceUrl: string;
  controlUrl: string;
  /** Undefined when the source is elsewhere: nobody here may write to it. */
  applicationUrl: string | undefined;
  /** Rejects when a part ends by itself. */
  failed: Promise<never>;
}

/** Shorter than in the cloud, where nobody waits for it; the environment may set others. */
const DEFAULT_SETTINGS = { GRACE_SECONDS: '5', LEASE_SECONDS: '15' };
/** A function that stops at a breakpoint keeps its lease and its statement for an hour. */
const UNHURRIED = {
  LEASE_SECONDS: '3600',
  TIME_LIMIT_SECONDS: '3600',
  STATEMENT_TIMEOUT_SECONDS: '3600',
};

/**
 * Starts the databases, the stand-ins, the functions and the scheduler, in this order as far as one needs the other, and
 * imports the view sources. Parts that `process.env` says are elsewhere are not started.
 *
 * @param cleanup gets each part as soon as it runs, so that a start that fails leaves nothing behind; disposed of, it ends
 *   the scheduler first, then the functions, the stand-ins and the databases
 */
export async function startStack(options: StackOptions, cleanup: AsyncDisposableStack): Promise<Stack> {
  const { dataFolder, isThrowaway, say, signal } = options;
  const env: NodeJS.ProcessEnv = { METADATA_SERVER_DETECTION: 'none', ...process.env };
  await checkElsewhere(env);
  say('Starting PostgreSQL and the stand-ins of Pub/Sub, Cloud Storage and BigQuery …');
  const [databases, standIns] = await allOf([
    startDatabases({ dataFolder, isThrowaway }).then((started) => {
      cleanup.defer(() => started.server.stop());
      return started;
    }),
    startStandIns({ dataFolder, anyPort: isThrowaway, env, onLine: say }).then((started) => {
      cleanup.defer(() => started.stop());
      return started;
    }),
  ]);
  signal.throwIfAborted();

  const endpoints = standIns.announcement;
  const { controlUrl } = databases;
  const isElsewhere = Boolean(env.SOURCE_DATABASE_URL);
  const sourceUrl = env.SOURCE_DATABASE_URL || databases.sourceUrl;
  const cloud = createCloud(endpoints);
  cleanup.defer(() => cloud.pubsub.close());
  const functionEnv = {
    ...DEFAULT_SETTINGS,
    ...(options.inspect && UNHURRIED),
    ...env,
    GOOGLE_CLOUD_PROJECT: PROJECT,
    BIGQUERY_LOCATION: LOCATION,
    STAGING_BUCKET: BUCKET,
    SOURCE_DATABASE_URL: sourceUrl,
    CONTROL_DATABASE_URL: controlUrl,
    PUBSUB_EMULATOR_HOST: endpoints.pubsubHost,
    STORAGE_EMULATOR_HOST: endpoints.storageUrl,
    BIGQUERY_EMULATOR_HOST: endpoints.bigqueryUrl,
    BIGQUERY_STORAGE_EMULATOR_HOST: endpoints.bigqueryStorageHost,
  };
  const [running] = await allOf([
    startFunctions(functionEnv, options, cleanup),
    untilAborted(makeResources(cloud), signal),
    isElsewhere || makeSmartApp(databases, { ...options, seed: options.seed ?? 1 }),
  ]);
  signal.throwIfAborted();

  const functions = Object.fromEntries(running.map(({ name, url }) => [name, url])) as Stack['functions'];
  await options.beforeDelivery?.({ cloud, controlUrl, functions });
  await subscribe(cloud, running);
  if (env.PUBSUB_EMULATOR_HOST) {
    cleanup.defer(() =>
      unsubscribe(cloud, running, options).catch((error: unknown) =>
        say(`Pub/Sub keeps its subscriptions: ${error}`),
      ),
    );
  }
  await importViewSources(functions.extract);
  const scheduler = startScheduler({
    pubsub: cloud.pubsub,
    intervalMs: options.tickMs,
    onError: (error) => say(`scheduler: a tick could not be published: ${error}`),
  });
  cleanup.defer(() => scheduler.stop());
  const failed = Promise.race([standIns.failed, ...running.map(({ process }) => process.failed)]);
  failed.catch(() => undefined);
  return {
    ...{ functions, endpoints, cloud, sourceUrl, controlUrl, failed },
    applicationUrl: isElsewhere ? undefined : databases.applicationUrl,
  };
}

function startFunctions(
  env: Record<string, string | undefined>,
  { isThrowaway, verbose, inspect, say }: StackOptions,
  cleanup: AsyncDisposableStack,
): Promise<RunningFunction[]> {
  return allOf(
    FUNCTIONS.map(async (wanted) => {
      const started = await startFunction(wanted, {
        env,
        anyPort: isThrowaway,
        inspect,
        onLine: (line, from) => {
          const shown =
            verbose || from === 'stderr' ? `${wanted.name}: ${line}` : formatLogLine(wanted.name, line);
          if (shown !== undefined) say(shown);
        },
      });
      cleanup.defer(() => started.process.stop());
      if (inspect) say(`${wanted.name}: a debugger can attach at ${started.inspectorUrl ?? 'no port'}`);
      return started;
    }),
  );
}

/** Gives the functions SMartApp's view sources, again while these say that it may pass. Throws what else the function answers. */
async function importViewSources(extractUrl: string): Promise<void> {
  const viewSources = await readViewSources();
  for (let tries = 1; ; tries += 1) {
    const answer = await callFunction(extractUrl, viewSources);
    if (!isFailure(answer)) return;
    const { kind, message, advice } = answer.error;
    if (kind !== 'transient' || tries === IMPORT_TRIES) {
      throw new Error(`The view sources were not imported: ${message}\n${advice}`);
    }
    await elapse(tries * 1_000);
  }
}

/** Google's clients keep trying for a long time; nobody who stops a start waits for that. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, once(signal, 'abort')]);
}

/** Like Promise.all, but a failure is told only when nothing is under way any more, so that whatever started can be ended. */
async function allOf<T extends readonly unknown[]>(
  parts: [...T],
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(parts);
  return await Promise.all(parts);
}
