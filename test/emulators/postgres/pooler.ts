import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';
import {
  fatalError,
  loginAnswer,
  MessageReader,
  openingParameters,
  transactionStatus,
} from './wire-messages.ts';

export type PoolerOptions = {
  /** The database behind it. */
  url: string;
  /** PgBouncer's `ignore_startup_parameters`. Another parameter that it does not know ends the connection. */
  ignoreStartupParameters?: string[];
  /** Passes the start-up parameters on to the server, as poolers other than PgBouncer do. */
  passesParameters?: boolean;
};

export type Pooler = { url: string; close(): Promise<void> };

/** https://www.pgbouncer.org/config.html#ignore_startup_parameters and #track_extra_parameters */
const KNOWN = new Set([
  'user',
  'database',
  'client_encoding',
  'datestyle',
  'timezone',
  'standard_conforming_strings',
  'application_name',
  'intervalstyle',
]);

/** How many sessions of the server a client's transactions take turns in. */
const SESSIONS = 2;

/**
 * Starts a connection pooler that behaves as PgBouncer in transaction mode: it answers a login itself, refuses or ignores start-up parameters,
 * and gives a session of the server to a client for one transaction at a time. Without encryption, for statements that follow one another.
 */
export async function startPooler(options: PoolerOptions): Promise<Pooler> {
  const ignored = new Set(options.ignoreStartupParameters);
  const sockets = new Set<Socket>();
  const sessions = new Set<pg.Client>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    serve(client).catch(() => client.destroy());
  });

  async function openSession(parameters: ReadonlyMap<string, string>): Promise<Socket> {
    const passed = options.passesParameters
      ? {
          statement_timeout: Number(parameters.get('statement_timeout')),
          idle_in_transaction_session_timeout: Number(parameters.get('idle_in_transaction_session_timeout')),
        }
      : {};
    const session = new pg.Client({ connectionString: options.url, ...passed });
    sessions.add(session);
    session.on('error', () => undefined);
    await session.connect();
    // From here on, the bytes are the client's.
    const { stream } = (session as unknown as { connection: { stream: Socket } }).connection;
    return stream.removeAllListeners('data');
  }

  async function serve(client: Socket): Promise<void> {
    const reader = new MessageReader('opening');
    const backends: Socket[] = [];
    let turn = 0;
    let isInTransaction = false;
    for await (const chunk of client) {
      for (const message of reader.read(chunk as Buffer)) {
        if (message.type === '') {
          const parameters = openingParameters(message);
          const unknown = [...parameters.keys()].find(
            (name) =>
              name !== '' &&
              !KNOWN.has(name.toLowerCase()) &&
              !ignored.has(name) &&
              !options.passesParameters,
          );
          if (unknown !== undefined) {
            client.end(fatalError('08P01', `unsupported startup parameter: ${unknown}`));
            return;
          }
          for (let i = 0; i < SESSIONS; i += 1) backends.push(await openSession(parameters));
          client.write(loginAnswer());
          continue;
        }
        const backend = backends[turn % SESSIONS];
        if (message.type === 'X' || backend === undefined) return void client.end();
        backend.write(message.bytes);
        if (message.type !== 'Q' && message.type !== 'S') continue;
        isInTransaction = await relay(backend, client);
        if (!isInTransaction) turn += 1;
      }
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(options.url);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      for (const session of sessions)
        (session as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
      await closed;
    },
  };
}

/** Passes one answer on. Returns whether the session is in a transaction then. */
async function relay(backend: Socket, client: Socket): Promise<boolean> {
  const reader = new MessageReader('typed');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onData = (chunk: Buffer) => {
    client.write(chunk);
    for (const message of reader.read(chunk)) {
      if (message.type === 'Z') resolve(transactionStatus(message) !== 'I');
    }
  };
  backend.on('data', onData);
  const isInTransaction = await promise;
  backend.off('data', onData);
  return isInTransaction;
}
