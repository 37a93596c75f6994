import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import {
  BUCKET,
  type Cloud,
  createCloud,
  createResources,
  EXTRACT_TOPIC,
  LOCATION,
  PROJECT,
  subscribe,
  unsubscribe,
} from './cloud.ts';
import { prepareSmartApp, startDatabases } from './databases.ts';
import { type Endpoints, startEmulators } from './emulators.ts';
import { checkExternalServices } from './external-services.ts';
import {
  ADMIN,
  callFunction,
  FUNCTIONS,
  type FunctionEntry,
  type FunctionName,
  isFailure,
  type RunningFunction,
  startFunction,
} from './functions.ts';
import { type KeptProgram, keepRunning } from './keep-running.ts';
import { formatLogLine } from './log-line.ts';
import { startScheduler } from './scheduler.ts';
import { readViewSources } from './view-sources.ts';

const IMPORT_TRIES = 5;

export interface StackOptions {
  dataFolder: string;
  /** Uses any free ports and keeps no data, so that it cannot disturb another stack. */
  isThrowaway: boolean;
  scale: number;
  seed: number | undefined;
  tickMs: number;
  /** Prints the functions' log lines unformatted. */
  verbose: boolean;
  /** Lets a debugger attach to each function. */
  inspect: boolean;
  say: (line: string) => void;
  signal: AbortSignal;
  /** Called when every part runs, before anything is delivered or scheduled. */
  beforeDelivery?: (parts: Pick<Stack, 'cloud' | 'controlUrl' | 'functions'>) => Promise<void>;
}

/** Everything that runs, until the `cleanup` that it was started with is disposed. */
export interface Stack {
  /** The web page of the operators. */
  adminUrl: string;
  functions: Record<FunctionName, string>;
  endpoints: Endpoints;
  cloud: Cloud;
  sourceUrl: string;
  controlUrl: string;
  /** Undefined for an external source, because this stack must not write to it. */
  applicationUrl: string | undefined;
  /** Rejects if a part ends by itself. */
  failed: Promise<never>;
}

/** Shorter than in the cloud, so that nobody has to wait; the environment may override them. */
const DEFAULT_SETTINGS = { CHECK_SETTLE_SECONDS: '1', GRACE_SECONDS: '5', LEASE_SECONDS: '15' };
/** Lets a function that stops at a breakpoint keep its lease and its statement for an hour. */
const INSPECT_SETTINGS = {
  LEASE_SECONDS: '3600',
  TIME_LIMIT_SECONDS: '3600',
  STATEMENT_TIMEOUT_SECONDS: '3600',
};

/**
 * Starts the databases, the emulators, the functions and the scheduler in the order of their dependencies, and imports the
 * view sources. It does not start services for which `process.env` has an address.
 *
 * @param cleanup gets each part as soon as it runs, so that a failed start leaves nothing behind. Its disposal stops the
 *   scheduler first, then the functions, the emulators and the databases.
 */
export async function startStack(options: StackOptions, cleanup: AsyncDisposableStack): Promise<Stack> {
  const { dataFolder, isThrowaway, say, signal } = options;
  const env: NodeJS.ProcessEnv = { METADATA_SERVER_DETECTION: 'none', ...process.env };
  await checkExternalServices(env);
  say('Starting PostgreSQL and the emulators of Pub/Sub, Cloud Storage and BigQuery …');
  const [databases, emulators] = await allOf([
    startDatabases({ dataFolder, isThrowaway }).then((started) => {
      cleanup.defer(() => started.server.stop());
      return started;
    }),
    startEmulators({ dataFolder, anyPort: isThrowaway, env, onLine: say }).then((started) => {
      cleanup.defer(() => started.stop());
      return started;
    }),
  ]);
  signal.throwIfAborted();

  const endpoints = emulators.announcement;
  const { controlUrl } = databases;
  const hasExternalSource = Boolean(env.SOURCE_DATABASE_URL);
  const sourceUrl = env.SOURCE_DATABASE_URL || databases.sourceUrl;
  const cloud = createCloud(endpoints);
  cleanup.defer(() => cloud.pubsub.close());
  const functionEnv = {
    ...DEFAULT_SETTINGS,
    ...(options.inspect && INSPECT_SETTINGS),
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
  const [running, admin] = await allOf([
    Promise.all(FUNCTIONS.map((each) => startAndSay(each, functionEnv, options, cleanup))),
    startAndSay(ADMIN, functionEnv, options, cleanup),
    untilAborted(createResources(cloud, endpoints), signal),
    hasExternalSource || prepareSmartApp(databases, { ...options, seed: options.seed ?? 1 }),
  ]);
  signal.throwIfAborted();

  const functions = Object.fromEntries(running.map(({ name, url }) => [name, url])) as Stack['functions'];
  await options.beforeDelivery?.({ cloud, controlUrl, functions });
  await subscribe(cloud, running);
  if (env.PUBSUB_EMULATOR_HOST) {
    cleanup.defer(() =>
      unsubscribe(cloud, running, options).catch((error: unknown) =>
        say(`The subscriptions could not be removed from Pub/Sub: ${error}`),
      ),
    );
  }
  await importViewSources(functions.extract);
  const scheduler = startScheduler({
    pubsub: cloud.pubsub,
    topic: EXTRACT_TOPIC,
    intervalMs: options.tickMs,
    onError: (error) => say(`scheduler: could not publish a tick: ${error}`),
  });
  cleanup.defer(() => scheduler.stop());
  const failed = Promise.race([emulators.failed, ...[...running, admin].map((each) => each.failed)]);
  failed.catch(() => undefined);
  return {
    ...{ adminUrl: admin.url, functions, endpoints, cloud, sourceUrl, controlUrl, failed },
    applicationUrl: hasExternalSource ? undefined : databases.applicationUrl,
  };
}

function describeInspector(name: string, url: string | undefined): string {
  return url === undefined
    ? `${name}: no port is free for a debugger`
    : `${name}: a debugger can attach at ${url}`;
}

/** A function of the stack, at one address however often its process is started again. */
type KeptFunction<Entry extends FunctionEntry> = Omit<RunningFunction<Entry>, 'process'> &
  Pick<KeptProgram<unknown>, 'failed'>;

async function startAndSay<Entry extends FunctionEntry>(
  wanted: Entry,
  env: Record<string, string | undefined>,
  { isThrowaway, verbose, inspect, say }: StackOptions,
  cleanup: AsyncDisposableStack,
): Promise<KeptFunction<Entry>> {
  const onLine = (line: string, from: 'stdout' | 'stderr'): void => {
    const shown = verbose || from === 'stderr' ? `${wanted.name}: ${line}` : formatLogLine(wanted.name, line);
    if (shown !== undefined) say(shown);
  };
  const kept = await keepRunning({
    name: `function ${wanted.name}`,
    start: async (first?: RunningFunction<Entry>) => {
      const address = first && { url: first.url };
      const started = await startFunction(wanted, { env, anyPort: isThrowaway, inspect, onLine, ...address });
      if (inspect) say(describeInspector(wanted.name, started.inspectorUrl));
      return started;
    },
    say,
  });
  cleanup.defer(() => kept.stop());
  return { ...kept.first, failed: kept.failed };
}

/** Imports SMartApp's view sources. It retries a transient failure and throws any other. */
async function importViewSources(extractUrl: string): Promise<void> {
  const viewSources = await readViewSources();
  for (let tries = 1; ; tries += 1) {
    const answer = await callFunction(extractUrl, viewSources);
    if (!isFailure(answer)) return;
    const { kind, message, advice } = answer.error;
    if (kind !== 'transient' || tries === IMPORT_TRIES) {
      throw new Error(`The view sources could not be imported: ${message}\n${advice}`);
    }
    await elapse(tries * 1_000);
  }
}

/** Stops waiting when `signal` aborts, because Google's clients retry for a long time. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, once(signal, 'abort')]);
}

/** Like Promise.all, but rejects only when all parts have settled, so that everything that started can be stopped. */
async function allOf<T extends readonly unknown[]>(
  parts: [...T],
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(parts);
  return await Promise.all(parts);
}
