import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ZodError, z } from 'zod';
import { Faults, googleError } from '../faults.ts';
import { serveHttp } from '../serve-http.ts';
import { bucketRoutes } from './bucket-routes.ts';
import { callName } from './call-name.ts';
import { objectRoutes } from './object-routes.ts';
import { ObjectStore } from './object-store.ts';
import { StorageError } from './storage-error.ts';
import { uploadRoutes } from './upload-routes.ts';

export interface StorageOptions {
  /** Default: a free port. */
  readonly port?: number;
  /** Keeps buckets and objects for the next start. Default: `close` removes everything. */
  readonly dataFolder?: string;
  readonly faults?: Faults;
}

export interface StorageStandIn {
  /** For STORAGE_EMULATOR_HOST and `apiEndpoint`. */
  readonly url: string;
  /** Calls are named as the methods of the API, and by the steps of a resumable upload: see callName. */
  readonly faults: Faults;
  /** Breaks off requests under way. Safe to repeat. */
  close(): Promise<void>;
}

/** Starts the emulator of Cloud Storage's JSON API, for Google's own client. It checks no credentials. @throws EADDRINUSE */
export async function startStorage(options: StorageOptions = {}): Promise<StorageStandIn> {
  const { port, faults = new Faults(), dataFolder } = options;
  const folder = dataFolder ?? (await mkdtemp(join(tmpdir(), 'storage-')));
  const server = await serveHttp(storageApp(new ObjectStore(folder), faults), port);
  return {
    url: server.url,
    faults,
    close: async () => {
      await server.close();
      if (dataFolder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function storageApp(store: ObjectStore, faults: Faults): express.Express {
  const app = express();
  // The simple parser knows no nested parameters; an entity tag of Express would replace that of the object.
  app.set('query parser', 'simple').set('etag', false).disable('x-powered-by');
  app.use(faults.middleware(callName));
  app.use(['/upload/storage/v1', '/resumable/upload/storage/v1'], uploadRoutes(store));
  app.use('/storage/v1', express.json({ type: () => true }), bucketRoutes(store), objectRoutes(store));
  app.use((request) => {
    throw new StorageError(404, 'notFound', `No such method: ${request.method} ${request.path}`);
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
  const { status, reason, message } = refusalOf(error);
  for (const header of response.getHeaderNames()) response.removeHeader(header);
  response.status(status).json(googleError(status, reason, message));
}

function refusalOf(error: unknown): { status: number; reason: string; message: string } {
  if (error instanceof StorageError) return error;
  if (error instanceof ZodError) return { status: 400, reason: 'invalid', message: z.prettifyError(error) };
  if (error instanceof SyntaxError) return { status: 400, reason: 'parseError', message: error.message };
  return { status: 500, reason: 'internalError', message: String(error) };
}
