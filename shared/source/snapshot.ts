import type pg from 'pg';
import { quoteLiteral } from '../postgres/quote.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { assertNewEnough, SERVER_VERSION, type ServerVersion } from './server-version.ts';

// Rows look the same whatever the database, the role or the server sets (docs/architecture.md#capture).
const PINNED: Record<string, string> = {
  bytea_output: 'hex',
  datestyle: 'ISO, MDY',
  extra_float_digits: '1',
  intervalstyle: 'postgres',
  lc_monetary: 'C',
  lock_timeout: '10s',
  row_security: 'off', // a policy that would hide rows causes an error instead
  standard_conforming_strings: 'on',
  timezone: 'UTC',
  xmloption: 'content',
};

const PIN = `select ${Object.entries(PINNED)
  .map(([name, value]) => `set_config('${name}', '${value}', true)`)
  .join(', ')}, ${SERVER_VERSION}`;

/**
 * Runs `work` in one read-only snapshot of the source, so that everything it reads is of the same moment. Throws `source_refused`
 * if the server is too old.
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

/** Exports the snapshot of this transaction and returns its name. Other connections can use it until the transaction ends. */
export async function exportSnapshot(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query('select pg_export_snapshot() as name');
  return rows[0].name as string;
}

/** Like `inSnapshot`, in a snapshot that `exportSnapshot` exported. */
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
