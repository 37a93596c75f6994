import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type Response, Router } from 'express';
import { ZodError, z } from 'zod';
import { Faults, googleError } from '../faults.ts';
import { bucketRoutes } from './bucket-routes.ts';
import { callName } from './call-name.ts';
import { download } from './download.ts';
import { objectRoutes } from './object-routes.ts';
import { ObjectStore } from './object-store.ts';
import { StorageError } from './storage-error.ts';
import { uploadRoutes } from './upload-routes.ts';

export interface StorageOptions {
  /** A free one by default. */
  readonly port?: number;
  /** Where buckets and objects live, to be there again after a restart; by default they go with `close`. */
  readonly dataFolder?: string;
  readonly faults?: Faults;
}

export interface StorageStandIn {
  /** What STORAGE_EMULATOR_HOST and `apiEndpoint` want. */
  readonly url: string;
  /** Calls are named as the API's methods, and by the steps of a resumable upload: `storage.objects.resumable.chunk`. */
  readonly faults: Faults;
  /** Breaks off what is under way. Safe to repeat. */
  close(): Promise<void>;
}

/** Longer than clients keep an idle connection, so that the server never closes one that is just being used again. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a stand-in for Cloud Storage's JSON API, for Google's own client. It checks no credentials. Throws EADDRINUSE. */
export async function startStorage(options: StorageOptions = {}): Promise<StorageStandIn> {
  const { port = 0, faults = new Faults() } = options;
  const folder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'storage-')));
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 },
    storageApp(new ObjectStore(folder), faults),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      if (options.dataFolder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function storageApp(store: ObjectStore, faults: Faults): express.Express {
  const app = express();
  // Repeated or nested query parameters have no meaning here, and an entity tag of its own would replace the object's.
  app.set('query parser', 'simple').set('etag', false).disable('x-powered-by');
  app.use(faults.middleware(callName));
  app.use(['/upload/storage/v1', '/resumable/upload/storage/v1'], uploadRoutes(store));
  const methods = Router().use(express.json({ type: () => true }), bucketRoutes(store), objectRoutes(store));
  // The client leaves /storage/v1 away when its address comes from STORAGE_EMULATOR_HOST.
  app.use(['/storage/v1', '/download/storage/v1'], methods);
  app.use(methods);
  app.use(plainDownloads(store));
  app.use((request) => {
    throw new StorageError(404, 'notFound', `No such method: ${request.method} ${request.path}`);
  });
  app.use(answerError);
  return app;
}

/** Objects by their public address, `/<bucket>/<name>`, as in the XML API. */
function plainDownloads(store: ObjectStore): Router {
  return Router().get('/:bucket/*name', (request, response) =>
    download(
      store,
      { bucket: request.params.bucket, name: request.params.name.join('/') },
      request,
      response,
    ),
  );
}

/** Four parameters make it Express's error handler. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, reason, message } = refusalOf(error);
  for (const header of response.getHeaderNames()) response.removeHeader(header);
  if (status === 304) response.status(304).end();
  else response.status(status).json(googleError(status, reason, message));
}

function refusalOf(error: unknown): { status: number; reason: string; message: string } {
  if (error instanceof StorageError) return error;
  if (error instanceof ZodError) return { status: 400, reason: 'invalid', message: z.prettifyError(error) };
  if (error instanceof SyntaxError) return { status: 400, reason: 'parseError', message: error.message };
  return { status: 500, reason: 'internalError', message: String(error) };
}
