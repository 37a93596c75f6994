import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ZodError, z } from 'zod';
import { BigQueryError, errorBody } from './error.ts';
import type { JobServices } from './job-runner.ts';
import { callName } from './routes/call-name.ts';
import { datasetRoutes } from './routes/dataset-routes.ts';
import { jobRoutes } from './routes/job-routes.ts';
import { queryRoutes } from './routes/query-routes.ts';
import { routineRoutes } from './routes/routine-routes.ts';
import { tableRoutes } from './routes/table-routes.ts';

export interface RestServer {
  /** It ends with `/bigquery/v2`. */
  readonly url: string;
  /** Stops running jobs and closes the remaining connections. */
  close(): Promise<void>;
}

/** Longer than clients keep an idle connection, so that the server never closes one that a client is about to reuse. */
const KEEP_ALIVE_MS = 120_000;

const MAX_BODY = '20mb';

/**
 * Starts BigQuery's REST interface on 127.0.0.1; port 0 means a free port. Throws EADDRINUSE.
 * https://cloud.google.com/bigquery/docs/reference/rest
 */
export async function startRestServer(port: number, services: JobServices): Promise<RestServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, bigQueryApp(services));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bigquery/v2`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      await services.jobs.stopAll();
      server.closeAllConnections();
      await closed;
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
  // The client uses BIGQUERY_EMULATOR_HOST verbatim and adds /bigquery/v2 to an `apiEndpoint`.
  app.use(['/bigquery/v2/bigquery/v2', '/bigquery/v2'], base);
  app.use((request) => {
    throw new BigQueryError('notFound', `No such method: ${request.method} ${request.path}`);
  });
  app.use(answerError);
  return app;
}

/** Express recognises an error handler by its four parameters. */
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
