import type pg from 'pg';
import { fromPostgres } from './sqlstate.ts';

export type Queryable = Pick<pg.ClientBase, 'query'>;

/**
 * Runs `work` in one transaction on a connection of its own. `begin` is the statement that opens the transaction. Commits when
 * `work` returns, rolls back when it throws. Throws classified errors only.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  database: 'source' | 'control',
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw fromPostgres(error, database);
  });
  // Without a listener, a connection that breaks between two queries would end the process. The next query does not say why it broke.
  let lost: Error | undefined;
  const onLost = (error: Error) => {
    lost ??= error;
  };
  client.on('error', onLost);
  let broken = false;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // The pool must not reuse a connection whose rollback failed.
    await client.query('rollback').catch(() => {
      broken = true;
    });
    throw fromPostgres(isNotQueryable(error) ? (lost ?? error) : error, database);
  } finally {
    client.off('error', onLost);
    client.release(broken);
  }
}

/** Whether pg refused a query because its connection had broken before. */
function isNotQueryable(error: unknown): boolean {
  return error instanceof Error && error.message.endsWith('is not queryable');
}

/** Runs one query in a read-only transaction of its own. Throws classified errors only. */
export function readOnly(
  pool: pg.Pool,
  database: 'source' | 'control',
  sql: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  return inTransaction(pool, database, 'begin read only', (client) => client.query(sql, values));
}
