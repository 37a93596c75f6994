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
  /** A free one by default. */
  readonly port?: number;
  /** Of the Storage Write API; a free one by default. */
  readonly writePort?: number;
  /** How long the Storage Write API keeps a connection that sends nothing; 600 by default, as BigQuery does. */
  readonly idleConnectionSeconds?: number;
  /** Where tables, routines and jobs live, to be there again after a restart; by default they go with `close`. */
  readonly dataFolder?: string;
  /** The base address of the Cloud Storage stand-in, from which load jobs read: `http://127.0.0.1:1234`. */
  readonly storageEndpoint: string;
  readonly faults?: Faults;
  /** Called with the resource of every job that a client inserted, when it has ended. */
  readonly onJob?: (job: ReturnType<typeof jobResource>) => void;
}

export interface BigQueryStandIn {
  /** What BIGQUERY_EMULATOR_HOST and `apiEndpoint` want: it ends with `/bigquery/v2`. */
  readonly url: string;
  /** Where the Storage Write API is reached by gRPC, without encryption: 127.0.0.1:PORT. */
  readonly writeHost: string;
  /**
   * HTTP calls are named as the API's methods (`bigquery.jobs.insert`), jobs themselves `bigquery.job.query` and
   * `bigquery.job.load`; see failJob. Of the Storage Write API, each request of a connection is a call `AppendRows`,
   * with gRPC statuses; see also refuse.
   */
  readonly faults: Faults;
  /** From now on the table is written by an upsert stream, and DML that changes its rows is refused. */
  markUpsertStream(table: TableReference): Promise<void>;
  /** Stops running jobs; with a data folder they are found failed after the next start. Safe to repeat. */
  close(): Promise<void>;
}

const IDLE_CONNECTION_SECONDS = 600;

/**
 * Starts a stand-in for BigQuery's REST interface and for its Storage Write API, for Google's own clients. It checks no
 * credentials. Throws EADDRINUSE.
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
