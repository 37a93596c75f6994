import type pg from 'pg';
import type { Side } from '../config/database-config.ts';
import { DataHubError } from '../errors.ts';

/** What a connection asks for when it opens and its session must then have, and the settings that are set besides. */
export type SessionSettings = {
  statementTimeoutMs: number;
  idleInTransactionMs: number;
  settings: Readonly<Record<string, string>>;
};

/** SQLSTATE of a value that a setting cannot have. */
const INVALID_PARAMETER_VALUE = '22023';

/**
 * Sets the settings of a new session, and makes sure that the connection is one session of the server. A connection pooler may ignore what a
 * connection asks for, and in transaction mode it hands each transaction to another session: time-outs would not hold, and a view would
 * compute something else. Throws `configuration` if there is one.
 */
export async function assertOwnSession(
  client: pg.ClientBase,
  side: Side,
  { statementTimeoutMs, idleInTransactionMs, settings }: SessionSettings,
): Promise<void> {
  const { rows } = await client
    .query(
      `with session as (
         select count(pg_catalog.set_config(key, value, false)) as settings from pg_catalog.jsonb_each_text($1::jsonb)
       )
       select pg_catalog.pg_backend_pid() as backend,
         pg_catalog.current_setting('statement_timeout')::interval = $2::int8 * interval '1 millisecond'
           and pg_catalog.current_setting('idle_in_transaction_session_timeout')::interval = $3::int8 * interval '1 millisecond' as "isKept"
       from session`,
      [JSON.stringify(settings), statementTimeoutMs, idleInTransactionMs],
    )
    .catch((error: unknown) => {
      throw (error as { code?: unknown }).code === INVALID_PARAMETER_VALUE
        ? unknownTimeZone(settings.TimeZone ?? '', error)
        : error;
    });
  const { backend, isKept } = rows[0] as { backend: number; isKept: boolean };
  if (!isKept) throw behindPooler(side, 'it ignores the time-outs that a connection asks for');
  // The server names the process of a connection when it opens.
  const opened = (client as { processID?: number | null }).processID ?? backend;
  if (opened !== backend)
    throw behindPooler(side, 'another process of the server answers than was connected');
}

/** The error for a connection that a pooler refused or has changed. `why` completes the sentence "a connection pooler stands before the server: …". */
export function behindPooler(side: Side, why: string, cause?: unknown): DataHubError {
  return new DataHubError(
    'configuration',
    `${side} database: a connection pooler, such as PgBouncer, stands before the server: ${why}`,
    {
      advice: `Name the PostgreSQL server itself in ${side.toUpperCase()}_DATABASE_URL, often port 5432 instead of 6432: each function keeps a small pool of its own. The functions retry by themselves; resume a view that was halted.`,
      ...(cause !== undefined && { cause }),
    },
  );
}

function unknownTimeZone(timeZone: string, cause: unknown): DataHubError {
  return new DataHubError('environment', `SOURCE_TIME_ZONE: the source does not know ${timeZone}`, {
    advice: 'Set a time zone that select name from pg_timezone_names lists in the source, and deploy again.',
    cause,
  });
}
