import type { Socket } from 'node:net';
import type pg from 'pg';
import { isAtOnce } from './at-once.ts';

/** Ends a connection at once, whatever it is doing. An orderly end would wait for the server's answer. */
export function destroyConnection(client: pg.ClientBase): void {
  socketOf(client).destroy();
}

/**
 * Runs `work` on a connection, and destroys the connection when the signal aborts, so that a long statement ends. Throws the signal's reason
 * then.
 */
export async function abortable<T>(
  client: pg.ClientBase,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const stop = () => destroyConnection(client);
  signal.addEventListener('abort', stop);
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Destroys a connection on which the server has sent nothing for `seconds` although a query is running, so that the query fails. A live
 * server answers within its own statement time-out; without this limit, a query on a cut connection would wait for ever. The pause
 * between two queries does not count.
 */
export function destroyWhenUnresponsive(client: pg.ClientBase, seconds: number): void {
  const { connection } = client as pg.ClientBase & { connection: pg.Connection };
  const socket = socketOf(client);
  let sentWhenReady = socket.bytesWritten;
  connection.on('readyForQuery', () => {
    sentWhenReady = socket.bytesWritten;
  });
  socket.setTimeout(seconds * 1000);
  // A listener that `setTimeout` gets would be gone after the first pause.
  socket.on('timeout', () => {
    if (socket.bytesWritten > sentWhenReady || isAtOnce(client))
      socket.destroy(new Error(`no answer within ${seconds} seconds`));
  });
}

function socketOf(client: pg.ClientBase): Socket {
  return (client as pg.ClientBase & { connection: pg.Connection }).connection.stream as Socket;
}
