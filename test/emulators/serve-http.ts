import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromThisMachine } from './from-this-machine.ts';

export interface HttpServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Takes no more connections, runs `beforeBreaking`, then breaks off the connections that are left. Safe to repeat. */
  close(beforeBreaking?: () => Promise<void>): Promise<void>;
}

/** Longer than clients keep an idle connection, so that the server never closes a connection that a client is about to use again. */
const KEEP_ALIVE_MS = 120_000;

/** Serves an application to programs of this machine, on 127.0.0.1; port 0 stands for a free port. @throws EADDRINUSE */
export async function serveHttp(application: RequestListener, port = 0): Promise<HttpServer> {
  const server = createHttpServer(application);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async (beforeBreaking) => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await beforeBreaking?.();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A server for programs of this machine that does not listen yet. */
export const createHttpServer = (application: RequestListener): Server =>
  createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, fromThisMachine(application));
