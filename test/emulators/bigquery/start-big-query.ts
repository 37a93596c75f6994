import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Faults } from '../faults.ts';
import { Catalog } from './catalog.ts';
import { Engine } from './engine.ts';
import type { HistoryLimits } from './history.ts';
import type { JobServices } from './job-runner.ts';
import { Jobs } from './jobs.ts';
import { Mutations } from './mutations.ts';
import { ReceivedStatements } from './received-statements.ts';
import { Results } from './results.ts';
import { startRestServer } from './start-rest-server.ts';
import { TableAnswers } from './table-answers.ts';
import { KnownSchemas } from './write/known-schemas.ts';
import { startWriteServer } from './write/start-write-server.ts';

export interface BigQueryOptions {
  /** Default: a free port. */
  readonly port?: number;
  /** The port of the Storage Write API. Default: a free port. */
  readonly writePort?: number;
  /** How long the Storage Write API keeps a connection that sends nothing. Default: 600. */
  readonly idleConnectionSeconds?: number;
  /** Keeps tables, routines and jobs for the next start. Default: `close` removes everything. */
  readonly dataFolder?: string;
  /** The address of the Cloud Storage emulator, which load jobs read from: `http://127.0.0.1:1234`. */
  readonly storageEndpoint: string;
  readonly faults?: Faults;
  /** Whether it records what it receives (ReceivedStatements). Tests of the emulator itself send what Google refuses, too. Default: true. */
  readonly recordsStatements?: boolean;
  /** How far FOR SYSTEM_TIME AS OF reaches back. Default: 256 changes, 10 minutes, 500,000 changed rows. */
  readonly history?: Partial<HistoryLimits>;
}

export interface BigQueryStandIn {
  /** For BIGQUERY_EMULATOR_HOST and `apiEndpoint`; ends with `/bigquery/v2`. */
  readonly url: string;
  /** The address of the Storage Write API, gRPC without encryption: 127.0.0.1:PORT. */
  readonly writeHost: string;
  /**
   * HTTP calls are named as the methods of the API (`bigquery.jobs.insert`). Jobs are `bigquery.job.query` and `bigquery.job.load`: see
   * failJob. Each request of a connection of the Storage Write API is a call `AppendRows`, with gRPC statuses: see also refuse.
   */
  readonly faults: Faults;
  /** The Storage Write API knows no later change of tables, and no table that is made anew, until the returned function is called; see KnownSchemas. */
  readonly delaySchemas: () => () => void;
  /** tables.get answers the present numbers of rows and bytes until the returned function is called; see TableAnswers. */
  readonly delaySizes: () => Promise<() => void>;
  /** tables.get answers the queries of views in another form until the returned function is called; see TableAnswers. */
  readonly rewriteViewQueries: (rewrite: (query: string) => string) => () => void;
  /** Stops running jobs, which have failed after the next start with the data folder. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * The page says only "idle for too long": https://cloud.google.com/bigquery/docs/write-api-grpc#connections
 * The time is [not documented; seen in nodejs-bigquery-storage issue 427].
 */
const IDLE_CONNECTION_SECONDS = 600;

/**
 * Starts the emulator of BigQuery's REST interface and of its Storage Write API, for Google's own clients. It checks no credentials.
 * @throws EADDRINUSE
 */
export async function startBigQuery(options: BigQueryOptions): Promise<BigQueryStandIn> {
  const { faults = new Faults(), idleConnectionSeconds = IDLE_CONNECTION_SECONDS } = options;
  const folder = options.dataFolder ?? (await mkdtemp(path.join(tmpdir(), 'bigquery-')));
  await mkdir(folder, { recursive: true });
  const engine = await Engine.open(
    path.join(folder, 'spill'),
    options.dataFolder === undefined ? undefined : path.join(folder, 'bigquery.duckdb'),
    options.history,
  );
  const results = new Results(path.join(folder, 'results'));
  const catalog = await Catalog.open(engine);
  const services: JobServices = {
    catalog,
    engine,
    faults,
    jobs: await Jobs.open(engine, results),
    mutations: new Mutations(),
    received: new ReceivedStatements(catalog, options.recordsStatements ?? true),
    results,
    storageEndpoint: options.storageEndpoint,
  };
  const schemas = new KnownSchemas(catalog);
  const answers = new TableAnswers(catalog, engine);
  const servers = new AsyncDisposableStack();
  servers.defer(async () => {
    await engine.close();
    if (options.dataFolder === undefined) await rm(folder, { recursive: true, force: true });
  });
  try {
    const rest = await startRestServer(options.port ?? 0, services, answers);
    servers.defer(rest.close);
    const write = await startWriteServer({
      port: options.writePort ?? 0,
      warehouse: services,
      schemas,
      faults,
      idleConnectionSeconds,
    });
    servers.defer(write.close);
    return {
      url: rest.url,
      writeHost: write.host,
      faults,
      delaySchemas: () => schemas.delay(),
      delaySizes: () => answers.delaySizes(),
      rewriteViewQueries: (rewrite) => answers.rewriteViewQueries(rewrite),
      close: () => servers.disposeAsync(),
    };
  } catch (error) {
    await servers.disposeAsync();
    throw error;
  }
}
