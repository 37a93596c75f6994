import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { MessageReader, openingParameters } from '../emulators/postgres/wire-messages.ts';

/**
 * What a client has sent to a database: statements, and how often it sent some while it was waiting for no answer. Statements that are sent
 * together cost one round trip.
 */
export type Wire = { statements: number; roundTrips: number };

export type WireCounter = {
  /** The address of the same database behind the counter. */
  url(databaseUrl: string): string;
  /** What was sent since the last call, by the name of the database. Opening a connection does not count. */
  take(): Record<string, Wire>;
  close(): Promise<void>;
};

/** Passes connections on to the PostgreSQL server at a port of this machine, without encryption, and counts what clients send. */
export async function countRoundTrips(serverPort: number): Promise<WireCounter> {
  let counted: Record<string, Wire> = {};
  const clients = new Set<Socket>();
  const relay = createServer((client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    pass(client, connect(serverPort, '127.0.0.1'), (database) => {
      counted[database] ??= { statements: 0, roundTrips: 0 };
      return counted[database];
    });
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  return {
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.host = `127.0.0.1:${(relay.address() as AddressInfo).port}`;
      return url.href;
    },
    take() {
      const taken = counted;
      counted = {};
      return taken;
    },
    async close() {
      const closed = once(relay, 'close');
      relay.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

/** A statement ends with Sync or is a simple Query; its answer ends with ReadyForQuery: https://www.postgresql.org/docs/current/protocol-flow.html */
function pass(client: Socket, server: Socket, wireOf: (database: string) => Wire): void {
  let database = '';
  // The answer to the login.
  let awaited = 1;
  const sent = new MessageReader('opening');
  const answered = new MessageReader('typed');
  client.on('data', (chunk) => {
    for (const message of sent.read(chunk)) {
      if (message.type === '') database = openingParameters(message).get('database') ?? '';
      if (message.type !== 'Q' && message.type !== 'S') continue;
      const wire = wireOf(database);
      wire.statements += 1;
      if (awaited === 0) wire.roundTrips += 1;
      awaited += 1;
    }
    server.write(chunk);
  });
  server.on('data', (chunk) => {
    for (const { type } of answered.read(chunk)) if (type === 'Z') awaited -= 1;
    client.write(chunk);
  });
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.on('close', () => to.destroy());
  }
}
