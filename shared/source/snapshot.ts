import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import { isEndedSnapshot } from '../postgres/sqlstate.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { assertNewEnough, SERVER_VERSION, type ServerVersion } from './server-version.ts';

/**
 * What every transaction of ours sets. What a view computes obeys the settings of the database and of the role, as in the application
 * (docs/architecture.md#collapse-fetch-and-copy).
 */
const PINNED: Record<string, string> = {
  client_encoding: 'UTF8', // as the driver asks for at the start, and as texts are written
  lock_timeout: '10s',
  row_security: 'off', // a policy that would hide rows causes an error instead
  standard_conforming_strings: 'on',
};

/** The settings that a cast, `to_char` or another function in a view obeys. */
export const COMPUTING_SETTINGS = [
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'bytea_output',
  'extra_float_digits',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'xmlbinary',
  'xmloption',
] as const;

const setting = (name: string, value: string) => `set_config('${name}', ${quoteLiteral(value)}, true)`;

const PIN = `select ${Object.entries(PINNED)
  .map(([name, value]) => setting(name, value))
  .join(', ')}, ${SERVER_VERSION}`;

const BEGIN = 'begin transaction isolation level repeatable read, read only';

/**
 * Runs `work` in one read-only snapshot of the source, so that everything it reads is of the same moment. Throws `source_refused`
 * if the server is too old.
 */
export function inSnapshot<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return inPinned(pool, `${BEGIN}; ${PIN}`, work);
}

/** Runs `work` in the transaction that the statements open, in one round trip, whose last one is PIN; `explain` makes the error of a failing one. */
function inPinned<T>(
  pool: pg.Pool,
  statements: string,
  work: (client: pg.PoolClient) => Promise<T>,
  explain: (error: unknown) => unknown = (error) => error,
): Promise<T> {
  const begin = async (client: pg.PoolClient) => {
    const results = await client.query(statements).catch((error: unknown) => {
      throw explain(error);
    });
    return results as unknown as pg.QueryResult[];
  };
  return inTransaction(pool, 'source', begin, async (client, results) => {
    assertNewEnough(results.at(-1)?.rows[0] as ServerVersion);
    return await work(client);
  });
}

/** A snapshot that other connections can use until its transaction ends, and the settings under which that transaction computes. */
export type ExportedSnapshot = {
  name: string;
  /** As `pg_current_snapshot()` writes it. */
  id: string;
  settings: Record<string, string>;
};

/** Exports the snapshot of this transaction. */
export async function exportSnapshot(client: pg.ClientBase): Promise<ExportedSnapshot> {
  const { rows } = await client.query(
    `select pg_export_snapshot() as name, pg_current_snapshot()::text as id, (
       select jsonb_object_agg(s, current_setting(s)) from unnest($1::text[]) as s) as settings`,
    [COMPUTING_SETTINGS],
  );
  return rows[0] as ExportedSnapshot;
}

const explainImport = (error: unknown): unknown =>
  isEndedSnapshot(error)
    ? new DataHubError(
        'transient',
        'source database: the snapshot of the copy has ended with its connection',
        {
          cause: error,
        },
      )
    : error;

/**
 * Like `inSnapshot`, in a snapshot that `exportSnapshot` exported. A setting of the database may have changed between two connections. Throws
 * `transient` if the transaction of the snapshot has ended.
 */
export function inExportedSnapshot<T>(
  pool: pg.Pool,
  { name, settings }: ExportedSnapshot,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const same = Object.entries(settings).map(([key, value]) => setting(key, value));
  return inPinned(
    pool,
    `${BEGIN}; set transaction snapshot ${quoteLiteral(name)}; select ${same.join(', ')}; ${PIN}`,
    work,
    explainImport,
  );
}
