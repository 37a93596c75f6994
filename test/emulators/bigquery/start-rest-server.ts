import express, { type NextFunction, type Request, type Response } from 'express';
import { ZodError, z } from 'zod';
import { serveHttp } from '../serve-http.ts';
import { BigQueryError, errorBody } from './error.ts';
import type { JobServices } from './job-runner.ts';
import { callName } from './routes/call-name.ts';
import { datasetRoutes } from './routes/dataset-routes.ts';
import { jobRoutes } from './routes/job-routes.ts';
import { queryRoutes } from './routes/query-routes.ts';
import { tableRoutes } from './routes/table-routes.ts';
import type { TableAnswers } from './table-answers.ts';

export interface RestServer {
  /** Ends with `/bigquery/v2`. */
  readonly url: string;
  /** Stops running jobs and breaks off the connections that are left. Safe to repeat. */
  close(): Promise<void>;
}

/** More than a request of BigQuery may have: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_BODY = '20mb';

/** Starts BigQuery's REST interface on 127.0.0.1; port 0 stands for a free port. @throws EADDRINUSE */
export async function startRestServer(
  port: number,
  services: JobServices,
  answers: TableAnswers,
): Promise<RestServer> {
  const server = await serveHttp(bigQueryApp(services, answers), port);
  return {
    url: `${server.url}/bigquery/v2`,
    close: () => server.close(() => services.jobs.stopAll()),
  };
}

function bigQueryApp(services: JobServices, answers: TableAnswers): express.Express {
  const app = express();
  app.set('query parser', 'simple').set('etag', false).disable('x-powered-by');
  const base = express.Router();
  base.use(services.faults.middleware(callName, errorBody));
  base.use(express.json({ type: () => true, limit: MAX_BODY }));
  base.use(
    datasetRoutes(services),
    tableRoutes(services, answers),
    jobRoutes(services),
    queryRoutes(services),
  );
  // The client uses BIGQUERY_EMULATOR_HOST as it is, and adds /bigquery/v2 to an `apiEndpoint`.
  app.use(['/bigquery/v2/bigquery/v2', '/bigquery/v2'], base);
  app.use((request) => {
    throw new BigQueryError('notFound', `No such method: ${request.method} ${request.path}`);
  });
  app.use(answerError);
  return app;
}

/** Express takes a handler with four parameters for its error handler. */
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
