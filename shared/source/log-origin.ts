import { DataHubError } from '../errors.ts';
import type { LogOrigin } from '../model/log-origin.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { assertLogTable } from './log-table.ts';

/** Reads where the change log is that this session finds along its search path. Throws as `assertLogTable` does. */
export async function readLogOrigin(client: Queryable, logTable: string): Promise<LogOrigin> {
  await assertLogTable(client, logTable);
  const { rows } = await client.query(
    `select current_database()::text as database, c.relnamespace::regnamespace::text as schema,
       c.relname::text as "table", c.oid::text as "tableOid",
       (select min(id)::bigint from ${quoteIdentifier(logTable)}) as "lowestId",
       pg_stat_get_tuples_deleted(c.oid) as "deletedRows",
       has_function_privilege('pg_control_system()', 'execute') as "mayIdentify"
     from pg_class c where c.oid = to_regclass(quote_ident($1))`,
    [logTable],
  );
  const { mayIdentify, ...found } = rows[0] as Omit<
    LogOrigin,
    'systemIdentifier' | 'uncountedRows' | 'resyncId'
  > & {
    mayIdentify: boolean;
  };
  const systemIdentifier = mayIdentify ? await readIdentifier(client) : null;
  return { ...found, systemIdentifier, uncountedRows: 0n, resyncId: 0n };
}

async function readIdentifier(client: Queryable): Promise<string> {
  const { rows } = await client.query('select system_identifier::text as id from pg_control_system()');
  return rows[0].id as string;
}

/**
 * Throws `source_refused` if the log is in another schema than the one that was captured before: the search path finds a table of the same name,
 * whose ids are not those that were captured.
 */
export function assertSameSchema(before: LogOrigin | null, now: LogOrigin, logTable: string): void {
  if (before === null || before.schema === now.schema) return;
  throw new DataHubError(
    'source_refused',
    `the search path now finds ${logTable} in schema ${now.schema}; until now it was captured from schema ${before.schema}`,
    {
      advice: `If the log was not moved, let the role find schema ${before.schema} first (alter role … set search_path), then resume the view. If it was moved, resync the view.`,
    },
  );
}

/** The number of ids above `id` that the sequence of the log has drawn and that no visible log row has: rolled back, unfinished or deleted. */
export async function countMissingIds(client: Queryable, logTable: string, id: bigint): Promise<bigint> {
  const { rows } = await client.query(
    `select coalesce(
         case when has_sequence_privilege(s.oid, 'select') then pg_sequence_last_value(s.oid) end, max(l.id), $2) - $2
       - count(l.id) as missing
     from (select pg_get_serial_sequence(quote_ident($1), 'id')::regclass as oid) s
     left join ${quoteIdentifier(logTable)} l on l.id > $2
     group by s.oid`,
    [logTable, id],
  );
  return rows[0].missing as bigint;
}

/** The schemas of the search path that have a table of this name, in its order: the session reads the first. */
export async function schemasWith(client: Queryable, table: string): Promise<string[]> {
  const { rows } = await client.query(
    `select n.nspname::text as schema
     from unnest(current_schemas(false)) with ordinality as path (schema, place)
     join pg_namespace n on n.nspname = path.schema
     join pg_class c on c.relnamespace = n.oid and c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
     order by path.place`,
    [table],
  );
  return rows.map(({ schema }) => schema as string);
}
