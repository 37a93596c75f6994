import { DataHubError } from '../errors.ts';
import { QUERY_CANCELED } from '../postgres/sqlstate.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** What an import or a check may take to read all rows of a view: it must answer in one call, and a batch looks at the rows again. */
const BRIEF_SECONDS = 60;

/** Gives every later statement of the transaction so many seconds, unless it has fewer already. */
export async function limitStatements(client: Queryable, seconds: number): Promise<void> {
  await client.query(
    `select set_config('statement_timeout', least(nullif(setting::int, 0), $1::int)::text, true)
     from pg_settings where name = 'statement_timeout'`,
    [seconds * 1000],
  );
}

/**
 * Runs statements that read many rows, within a transaction, each for `seconds` at most, or for the statement time-out if that is shorter. Returns null
 * if that was not enough, and leaves the transaction and its time-out as they were.
 */
export async function readBriefly<T extends object>(
  client: Queryable,
  read: () => Promise<T>,
  seconds = BRIEF_SECONDS,
): Promise<T | null> {
  await client.query('savepoint briefly');
  try {
    await limitStatements(client, seconds);
    return await read();
  } catch (error) {
    const { code } = error instanceof DataHubError ? error.context : (error as { code?: unknown });
    if (code !== QUERY_CANCELED) throw error;
    return null;
  } finally {
    // On a connection that broke, the error above says why.
    await client.query('rollback to savepoint briefly; release savepoint briefly').catch(() => undefined);
  }
}
