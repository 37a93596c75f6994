import type pg from 'pg';
import { fromPostgres } from './sqlstate.ts';

export type Queryable = Pick<pg.ClientBase, 'query'>;

type Side = 'source' | 'control';

/**
 * Runs `work` in one transaction on a connection of its own. `begin` is the statement that opens the transaction, or sends it together with
 * others that are harmless if it fails; `work` gets the result. Commits when `work` returns, rolls back when it throws. Throws classified
 * errors only.
 */
export async function inTransaction<T, B = pg.QueryResult>(
  pool: pg.Pool,
  database: Side,
  begin: string | ((client: pg.PoolClient) => Promise<B>),
  work: (client: pg.PoolClient, begun: B) => Promise<T>,
): Promise<T> {
  return await onConnection(pool, database, async (client, discard) => {
    try {
      const begun = typeof begin === 'string' ? client.query(begin) : begin(client);
      const result = await work(client, (await begun) as B);
      await client.query('commit');
      return result;
    } catch (error) {
      // The pool must not reuse a connection whose rollback failed.
      await client.query('rollback').catch(discard);
      throw error;
    }
  });
}

/** Runs one statement, which is a transaction by itself. Throws classified errors only. */
export function inStatement(
  pool: pg.Pool,
  database: Side,
  sql: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  return onConnection(pool, database, (client) => client.query(sql, values));
}

/** Runs `work` on a connection of its own; `discard` keeps the pool from using it again. Throws classified errors only. */
export async function onConnection<T>(
  pool: pg.Pool,
  database: Side,
  work: (client: pg.PoolClient, discard: () => void) => Promise<T>,
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
    return await work(client, () => {
      broken = true;
    });
  } catch (error) {
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
