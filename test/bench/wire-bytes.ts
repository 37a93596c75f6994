import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type pg from 'pg';

/** The bytes that this process has read from its connections. */
export type WireBytes = { source: number; bigquery: number };

/** Counts what comes from the source and from BigQuery, over connections that are opened from now on. */
export function countWireBytes(source: pg.Pool, bigqueryUrl: string): () => WireBytes {
  const fromSource = new Set<Socket>();
  const fromBigQuery = new Set<Socket>();
  source.on('connect', (client) => fromSource.add(socketOf(client)));
  const bigqueryPort = Number(new URL(bigqueryUrl).port);
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket };
    socket.once('connect', () => {
      if (socket.remotePort === bigqueryPort) fromBigQuery.add(socket);
    });
  });
  return () => ({ source: bytesOf(fromSource), bigquery: bytesOf(fromBigQuery) });
}

/** The declared type of a client does not show its connection. */
const socketOf = (client: pg.PoolClient): Socket =>
  (client as pg.PoolClient & { connection: { stream: Socket } }).connection.stream;

const bytesOf = (sockets: ReadonlySet<Socket>): number =>
  [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
