import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ZodError, z } from 'zod';
import { Faults } from '../faults.ts';
import { Catalog } from './catalog.ts';
import { Engine } from './engine.ts';
import { BigQueryError, errorBody } from './error.ts';
import type { JobServices } from './job-runner.ts';
import { Jobs } from './jobs.ts';
import { Mutations } from './mutations.ts';
import type { TableReference } from './names.ts';
import { Results } from './results.ts';
import { callName } from './routes/call-name.ts';
import { datasetRoutes } from './routes/dataset-routes.ts';
import { jobRoutes } from './routes/job-routes.ts';
import { queryRoutes } from './routes/query-routes.ts';
import { jobResource } from './routes/resource.ts';
import { routineRoutes } from './routes/routine-routes.ts';
import { tableRoutes } from './routes/table-routes.ts';

export interface BigQueryOptions {
  /** A free one by default. */
  readonly port?: number;
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
  /**
   * HTTP calls are named as the API's methods (`bigquery.jobs.insert`), jobs themselves `bigquery.job.query` and
   * `bigquery.job.load`; see failJob.
   */
  readonly faults: Faults;
  /** From now on the table is written by an upsert stream, and DML that changes its rows is refused. */
  markUpsertStream(table: TableReference): Promise<void>;
  /** Stops running jobs; with a data folder they are found failed after the next start. Safe to repeat. */
  close(): Promise<void>;
}

/** Longer than clients keep an idle connection, so that the server never closes one that is just being used again. */
const KEEP_ALIVE_MS = 120_000;

const MAX_BODY = '20mb';

/** Starts a stand-in for BigQuery's REST interface, for Google's own client. It checks no credentials. Throws EADDRINUSE. */
export async function startBigQuery(options: BigQueryOptions): Promise<BigQueryStandIn> {
  const { port = 0, faults = new Faults(), storageEndpoint, onJob } = options;
  const folder = options.dataFolder ?? (await mkdtemp(path.join(tmpdir(), 'bigquery-')));
  await mkdir(folder, { recursive: true });
  const engine = await Engine.open(
    path.join(folder, 'spill'),
    options.dataFolder === undefined ? undefined : path.join(folder, 'bigquery.duckdb'),
  );
  const results = new Results(path.join(folder, 'results'));
  const catalog = await Catalog.open(engine);
  const jobs = await Jobs.open(engine, results);
  const services: JobServices = {
    catalog,
    engine,
    faults,
    jobs,
    mutations: new Mutations(),
    onJob: onJob && ((job) => onJob(jobResource(job))),
    results,
    storageEndpoint,
  };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, bigQueryApp(services));
  const release = async (): Promise<void> => {
    engine.close();
    if (options.dataFolder === undefined) await rm(folder, { recursive: true, force: true });
  };
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    await release();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bigquery/v2`,
    faults,
    markUpsertStream: async (reference) => {
      await catalog.putTable({ ...catalog.table(reference), upsertStream: true });
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await jobs.stopAll();
      server.closeAllConnections();
      await closed;
      await release();
    },
  };
}

function bigQueryApp(services: JobServices): express.Express {
  const app = express();
  app.set('query parser', 'simple').set('etag', false).disable('x-powered-by');
  const base = express.Router();
  base.use(services.faults.middleware(callName, errorBody));
  base.use(express.json({ type: () => true, limit: MAX_BODY }));
  base.use(
    datasetRoutes(services),
    tableRoutes(services),
    routineRoutes(services),
    jobRoutes(services),
    queryRoutes(services),
  );
  // The client takes BIGQUERY_EMULATOR_HOST as it is, and adds /bigquery/v2 to an `apiEndpoint`.
  app.use(['/bigquery/v2/bigquery/v2', '/bigquery/v2'], base);
  app.use((request) => {
    throw new BigQueryError('notFound', `No such method: ${request.method} ${request.path}`);
  });
  app.use(answerError);
  return app;
}

/** Four parameters make it Express's error handler. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, reason, message, location } = refusalOf(error);
  response.status(status).json(errorBody(status, reason, message, location));
}

function refusalOf(error: unknown): {
  status: number;
  reason: string;
  message: string;
  location?: string | undefined;
} {
  if (error instanceof BigQueryError) return error;
  if (error instanceof ZodError) return { status: 400, reason: 'invalid', message: z.prettifyError(error) };
  if (error instanceof SyntaxError) return { status: 400, reason: 'parseError', message: error.message };
  return {
    status: 500,
    reason: 'internalError',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
