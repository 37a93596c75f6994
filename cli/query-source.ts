import pg from 'pg';
import { CommandError } from './command-error.ts';
import type { SourceAddress } from './installation.ts';
import type { QueryResult } from './query-result.ts';

const STATEMENT_TIMEOUT_MS = 300_000;

/**
 * Runs one statement on the source as its reader role, in a transaction that reads only, and reads at most so many rows. Throws `CommandError`
 * with the message of PostgreSQL.
 */
export async function querySource(
  { url, tls }: SourceAddress,
  sql: string,
  limit: number,
): Promise<QueryResult> {
  const client = new pg.Client({
    connectionString: url,
    ssl: tls,
    application_name: 'smart-datahub query',
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('begin transaction read only');
    return await read(client, sql, limit);
  } catch (error) {
    throw refusal(error, sql);
  } finally {
    // It may still send rows that nobody reads.
    (client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream.destroy();
  }
}

/** PostgreSQL sends so many rows and waits until more are asked for. A statement that is prepared is one statement. */
async function read(client: pg.Client, sql: string, limit: number): Promise<QueryResult> {
  const types = await client.query<{ oid: number; name: string }>(
    'select oid::int8::int4 as oid, format_type(oid, null) as name from pg_type where oid < 16384',
  );
  const nameOf = new Map(types.rows.map(({ oid, name }) => [oid, name]));
  const config = { text: sql, rowMode: 'array', rows: limit + 1, queryMode: 'extended', types: AS_TEXT };
  const query = client.query(
    new pg.Query<(string | null)[]>(config as never) as never,
  ) as unknown as pg.Query;
  const rows: (string | null)[][] = [];
  return await new Promise((resolve, reject) => {
    const resultOf = (fields: pg.FieldDef[]): QueryResult => ({
      columns: fields.map(({ name, dataTypeID }) => ({
        name,
        type: nameOf.get(dataTypeID) ?? String(dataTypeID),
      })),
      rows: rows.slice(0, limit),
      hasMore: rows.length > limit,
      bytes: null,
    });
    query.on('row', (row, result) => {
      rows.push(row as (string | null)[]);
      if (rows.length > limit) resolve(resultOf(result?.fields ?? []));
    });
    query.on('end', (result) => resolve(resultOf(result.fields)));
    query.on('error', reject);
  });
}

/** Every value as the server writes it. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

function refusal(error: unknown, sql: string): CommandError {
  const { message, detail, hint, position } = error as Partial<pg.DatabaseError> & { message: string };
  const at = position === undefined ? [] : [`at: ${sql.slice(Number(position) - 1, Number(position) + 39)}`];
  const more = [detail, hint, ...at].filter((text) => text !== undefined);
  return new CommandError(`PostgreSQL: ${message}`, {
    ...(more.length > 0 && { advice: more.join(' ') }),
    cause: error,
  });
}
