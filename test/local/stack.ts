import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import type { Cleanup } from './cleanup.ts';
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
import type { PublishedStack } from './data-folder.ts';
import { prepareSmartApp, startDatabases } from './databases.ts';
import { type Endpoints, emulatorPorts, startEmulators } from './emulators.ts';
import { checkExternalServices, sourceTls } from './external-services.ts';
import { ADMIN, FUNCTIONS, type FunctionEntry, type FunctionName } from './functions.ts';
import { importViews } from './import-views.ts';
import { type KeptFunction, keepFunction } from './keep-function.ts';
import { type Say, wordsOf } from './line.ts';
import { withLegend } from './log-line.ts';
import { keepPorts, portOf, readPorts } from './ports.ts';
import { type BeginStep, silentStep } from './progress.ts';
import { assertSameSource } from './same-source.ts';
import { startScheduler } from './scheduler.ts';

/** A connection ends some moments before the process of the server does. */
const EXIT_WAIT_MS = 1_000;

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
  /** Gets every line that a function prints. */
  onLogLine?: (functionName: string, line: string) => void;
  /** The file of view sources to import; undefined for SMartApp's, or those of the data folder. */
  views?: string | undefined;
  say: Say;
  /** Shows how far a long step is. */
  step?: BeginStep;
  signal: AbortSignal;
  /** Gives the address by which the functions reach a database, such as one that a test can cut. Default: the database's own. */
  reach?: (databaseUrl: string) => Promise<string>;
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
  /** How connections to the source are encrypted. */
  sourceTls: ReturnType<typeof sourceTls>;
  controlUrl: string;
  /** Undefined for an external source, because this stack must not write to it. */
  applicationUrl: string | undefined;
  /** Rejects if a part ends by itself. */
  failed: Promise<never>;
}

/** Shorter than in the cloud, so that nobody has to wait; the environment may override them. */
const DEFAULT_SETTINGS = {
  CHECK_SETTLE_SECONDS: '1',
  GRACE_SECONDS: '5',
  LEASE_SECONDS: '15',
  ROW_VALUES: 'true',
};
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
export async function startStack(options: StackOptions, cleanup: Cleanup): Promise<Stack> {
  const { dataFolder, isThrowaway, say, step = silentStep, signal, reach = async (url) => url } = options;
  const env: NodeJS.ProcessEnv = { METADATA_SERVER_DETECTION: 'none', ...process.env };
  await checkExternalServices(env);
  const ports = await readPorts(dataFolder);
  say('Starting PostgreSQL and the emulators of Pub/Sub, Cloud Storage and BigQuery …');
  const starting = step('Starting');
  cleanup.defer('the progress', async () => starting.end());
  const [databases, emulators] = await allOf([
    startDatabases({ dataFolder, isThrowaway, port: ports.postgres }).then((started) => {
      cleanup.defer('PostgreSQL', () => started.server.stop());
      return started;
    }),
    startEmulators({ dataFolder, anyPort: isThrowaway, ports, env, onLine: say }).then((started) => {
      cleanup.defer('the emulators', () => started.stop());
      return started;
    }),
  ]);
  signal.throwIfAborted();

  const endpoints = emulators.announcement;
  const { controlUrl } = databases;
  const hasExternalSource = Boolean(env.SOURCE_DATABASE_URL);
  const sourceUrl = env.SOURCE_DATABASE_URL || databases.sourceUrl;
  const tls = sourceTls(env);
  await assertSameSource(dataFolder, {
    controlUrl,
    source: { connectionString: hasExternalSource ? sourceUrl : databases.server.url(), ssl: tls },
    ownDatabase: hasExternalSource ? null : new URL(sourceUrl).pathname.slice(1),
  });
  const cloud = createCloud(endpoints);
  cleanup.defer("Pub/Sub's client", () => cloud.pubsub.close());
  const functionEnv = {
    ...DEFAULT_SETTINGS,
    ...(options.inspect && INSPECT_SETTINGS),
    ...env,
    GOOGLE_CLOUD_PROJECT: PROJECT,
    BIGQUERY_LOCATION: LOCATION,
    STAGING_BUCKET: BUCKET,
    SOURCE_DATABASE_URL: await reach(sourceUrl),
    CONTROL_DATABASE_URL: await reach(controlUrl),
    PUBSUB_EMULATOR_HOST: endpoints.pubsubHost,
    STORAGE_EMULATOR_HOST: endpoints.storageUrl,
    BIGQUERY_EMULATOR_HOST: endpoints.bigqueryUrl,
    BIGQUERY_STORAGE_EMULATOR_HOST: endpoints.bigqueryStorageHost,
  };
  let isImporting = false;
  const sayLogged = withLegend((line) => {
    // The error of a refused import says the same.
    if (!isImporting || !wordsOf(line).startsWith('error: extract: call refused')) say(line);
  });
  const startKept = async <Entry extends FunctionEntry>(entry: Entry): Promise<KeptFunction<Entry>> => {
    const started = await keepFunction(entry, {
      ...options,
      say: sayLogged,
      env: functionEnv,
      port: ports[entry.name],
    });
    cleanup.defer(`function ${entry.name}`, () => started.stop());
    return started;
  };
  const [running, admin] = await allOf([
    Promise.all(FUNCTIONS.map((each) => startKept(each))),
    startKept(ADMIN),
    untilAborted(createResources(cloud, endpoints), signal),
    hasExternalSource || prepareSmartApp(databases, { ...options, step, seed: options.seed ?? 1 }),
  ]).catch((error: unknown) => explainedBy(databases.server.failed, error));
  signal.throwIfAborted();

  if (!isThrowaway) {
    await keepPorts(dataFolder, {
      ...ports,
      ...emulatorPorts(endpoints, env),
      postgres: databases.server.port,
      ...Object.fromEntries([...running, admin].map(({ name, url }) => [name, portOf(url)])),
    });
  }
  const functions = Object.fromEntries(running.map(({ name, url }) => [name, url])) as Stack['functions'];
  await options.beforeDelivery?.({ cloud, controlUrl, functions });
  await subscribe(cloud, running);
  if (env.PUBSUB_EMULATOR_HOST) {
    cleanup.defer('the subscriptions of Pub/Sub', () => unsubscribe(cloud, running, options));
  }
  isImporting = true;
  await importViews({
    ...{
      extractUrl: functions.extract,
      controlUrl,
      viewsFile: options.views,
      isExternal: hasExternalSource,
      say,
    },
  });
  isImporting = false;
  starting.end();
  const scheduler = startScheduler({
    pubsub: cloud.pubsub,
    topic: EXTRACT_TOPIC,
    intervalMs: options.tickMs,
    onError: (error) => say(`scheduler: could not publish a tick: ${error}`),
  });
  cleanup.defer('the scheduler', () => scheduler.stop());
  const failed = Promise.race([
    databases.server.failed,
    emulators.failed,
    ...[...running, admin].map((each) => each.failed),
  ]);
  failed.catch(() => undefined);
  return {
    ...{ adminUrl: admin.url, functions, endpoints, cloud, sourceUrl, sourceTls: tls, controlUrl, failed },
    applicationUrl: hasExternalSource ? undefined : databases.applicationUrl,
  };
}

/** Stops waiting when `signal` aborts, because Google's clients retry for a long time. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, once(signal, 'abort')]);
}

/** Throws the reason why the server has ended, if it has, and otherwise the error: a lost connection says less. */
async function explainedBy(serverFailed: Promise<never>, error: unknown): Promise<never> {
  await Promise.race([serverFailed, elapse(EXIT_WAIT_MS)]);
  throw error;
}

/** Like Promise.all, but rejects only when all parts have settled, so that everything that started can be stopped. */
async function allOf<T extends readonly unknown[]>(
  parts: [...T],
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(parts);
  return await Promise.all(parts);
}

/** What other commands on this machine need to know of a running stack. */
export const addressesOf = ({ adminUrl, functions, sourceUrl, endpoints }: Stack): PublishedStack => ({
  ...{ adminUrl, functions, sourceUrl },
  sourceTls: { SOURCE_TLS: process.env.SOURCE_TLS, SOURCE_TLS_CA: process.env.SOURCE_TLS_CA },
  bigqueryUrl: endpoints.bigqueryUrl,
});
