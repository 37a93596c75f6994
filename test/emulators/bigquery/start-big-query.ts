import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Faults } from '../faults.ts';
import { Catalog } from './catalog.ts';
import { Engine } from './engine.ts';
import type { JobServices } from './job-runner.ts';
import { Jobs } from './jobs.ts';
import { Mutations } from './mutations.ts';
import type { TableReference } from './names.ts';
import { Results } from './results.ts';
import { jobResource } from './routes/resource.ts';
import { startRestServer } from './start-rest-server.ts';
import { startWriteServer } from './write/start-write-server.ts';

export interface BigQueryOptions {
  /** The port of the REST interface; a free port by default. */
  readonly port?: number;
  /** The port of the Storage Write API; a free port by default. */
  readonly writePort?: number;
  /**
   * The Storage Write API closes a connection that is idle for this long; 600 by default, as in BigQuery.
   * https://cloud.google.com/bigquery/docs/write-api-best-practices
   */
  readonly idleConnectionSeconds?: number;
  /** The folder that keeps tables, routines and jobs across restarts; by default `close` deletes them. */
  readonly dataFolder?: string;
  /** The base address of the Cloud Storage emulator, from which load jobs read: `http://127.0.0.1:1234`. */
  readonly storageEndpoint: string;
  readonly faults?: Faults;
  /** Called with the resource of every job that a client inserted, after it has ended. */
  readonly onJob?: (job: ReturnType<typeof jobResource>) => void;
}

export interface BigQueryStandIn {
  /** The value for BIGQUERY_EMULATOR_HOST and `apiEndpoint`; it ends with `/bigquery/v2`. */
  readonly url: string;
  /** The address of the Storage Write API, gRPC without encryption: 127.0.0.1:PORT. */
  readonly writeHost: string;
  /**
   * HTTP calls have the names of the API's methods (`bigquery.jobs.insert`). Jobs have the names `bigquery.job.query` and
   * `bigquery.job.load`; see failJob. Each request of a connection to the Storage Write API
   * has the name `AppendRows`, with gRPC statuses; see also refuse.
   */
  readonly faults: Faults;
  /**
   * Records that an upsert stream now writes the table; the emulator then refuses DML that changes its rows.
   * https://cloud.google.com/bigquery/docs/change-data-capture#limitations
   */
  markUpsertStream(table: TableReference): Promise<void>;
  /** Stops running jobs; with a data folder they appear as failed after the next start. Safe to repeat. */
  close(): Promise<void>;
}

const IDLE_CONNECTION_SECONDS = 600;

/**
 * Starts an emulator of BigQuery's REST interface and Storage Write API for Google's own clients. It checks no credentials.
 * Throws EADDRINUSE.
 */
export async function startBigQuery(options: BigQueryOptions): Promise<BigQueryStandIn> {
  const { faults = new Faults(), idleConnectionSeconds = IDLE_CONNECTION_SECONDS, onJob } = options;
  const folder = options.dataFolder ?? (await mkdtemp(path.join(tmpdir(), 'bigquery-')));
  await mkdir(folder, { recursive: true });
  const engine = await Engine.open(
    path.join(folder, 'spill'),
    options.dataFolder === undefined ? undefined : path.join(folder, 'bigquery.duckdb'),
  );
  const results = new Results(path.join(folder, 'results'));
  const catalog = await Catalog.open(engine);
  const services: JobServices = {
    catalog,
    engine,
    faults,
    jobs: await Jobs.open(engine, results),
    mutations: new Mutations(),
    onJob: onJob && ((job) => onJob(jobResource(job))),
    results,
    storageEndpoint: options.storageEndpoint,
  };
  const servers = new AsyncDisposableStack();
  servers.defer(async () => {
    engine.close();
    if (options.dataFolder === undefined) await rm(folder, { recursive: true, force: true });
  });
  try {
    const rest = await startRestServer(options.port ?? 0, services);
    servers.defer(rest.close);
    const write = await startWriteServer({
      port: options.writePort ?? 0,
      warehouse: services,
      faults,
      idleConnectionSeconds,
    });
    servers.defer(write.close);
    return {
      url: rest.url,
      writeHost: write.host,
      faults,
      markUpsertStream: (reference) => catalog.markUpsertStream(reference),
      close: () => servers.disposeAsync(),
    };
  } catch (error) {
    await servers.disposeAsync();
    throw error;
  }
}
