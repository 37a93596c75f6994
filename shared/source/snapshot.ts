import type pg from 'pg';
import { quoteLiteral } from '../postgres/quote.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { assertNewEnough, SERVER_VERSION, type ServerVersion } from './server-version.ts';

// Whatever the database, the role or the server sets, rows look the same (design: capture, step 2).
const PINNED: Record<string, string> = {
  bytea_output: 'hex',
  datestyle: 'ISO, MDY',
  extra_float_digits: '1',
  intervalstyle: 'postgres',
  lc_monetary: 'C',
  lock_timeout: '10s',
  row_security: 'off', // an error instead of rows that a policy hides
  standard_conforming_strings: 'on',
  timezone: 'UTC',
  xmloption: 'content',
};

const PIN = `select ${Object.entries(PINNED)
  .map(([name, value]) => `set_config('${name}', '${value}', true)`)
  .join(', ')}, ${SERVER_VERSION}`;

/**
 * Runs `work` in one read-only snapshot of the source; everything that it reads is of one moment. Throws `source_refused` for
 * a server that is too old.
 */
export function inSnapshot<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(
    pool,
    'source',
    'begin transaction isolation level repeatable read, read only',
    async (client) => {
      const { rows } = await client.query(PIN);
      assertNewEnough(rows[0] as ServerVersion);
      return await work(client);
    },
  );
}

/** Names the snapshot of this transaction, so that other connections can read the same moment while it lasts. */
export async function exportSnapshot(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query('select pg_export_snapshot() as name');
  return rows[0].name as string;
}

/** Like `inSnapshot`, in the moment that `exportSnapshot` named. */
export function inExportedSnapshot<T>(
  pool: pg.Pool,
  name: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(
    pool,
    'source',
    'begin transaction isolation level repeatable read, read only',
    async (client) => {
      await client.query(`set transaction snapshot ${quoteLiteral(name)}`);
      await client.query(PIN);
      return await work(client);
    },
  );
}
