import type pg from 'pg';
import type { Deadline } from '../../shared/deadline.ts';
import { destroyConnection } from '../../shared/postgres/unresponsive.ts';

/** Runs `work`, which reads from `client`, until the deadline, which breaks the connection. Throws `DeadlineExceeded` then; `what` begins its message. */
export async function inTime<T>(
  client: pg.ClientBase,
  deadline: Deadline,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  return await deadline.enforce(what, async (signal) => {
    const stop = () => destroyConnection(client);
    signal.addEventListener('abort', stop);
    return await work().finally(() => signal.removeEventListener('abort', stop));
  });
}
