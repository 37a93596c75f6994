import type { Queryable } from '../postgres/transaction.ts';
import { CONTENT_TYPE_COLUMNS } from './content-types.ts';
import { LOG_COLUMNS } from './log-table.ts';

/** A table that has the columns of a change log or of content types. */
export type TableOfColumns = {
  oid: number;
  schema: string;
  /** Unquoted and without its schema, as CHANGE_LOG_TABLE and CONTENT_TYPE_TABLE name it. */
  table: string;
  /** Whether the search path of the role finds it by that name. */
  isVisible: boolean;
};

/** Finds the tables that have all columns of a change log, in types that a capture can read, whatever their names are. */
export const findLogTables = (client: Queryable): Promise<TableOfColumns[]> =>
  tablesWith(client, LOG_COLUMNS);

/** Finds the tables that have all columns of Django's content types. */
export const findContentTypeTables = (client: Queryable): Promise<TableOfColumns[]> =>
  tablesWith(client, Object.fromEntries(CONTENT_TYPE_COLUMNS.map((column) => [column, null])));

/** Null stands for any type. Partitions are left out: the partitioned table has their rows. */
async function tablesWith(
  client: Queryable,
  columns: Record<string, readonly string[] | null>,
): Promise<TableOfColumns[]> {
  const { rows } = await client.query(
    `select c.oid, n.nspname::text as schema, c.relname::text as table,
       c.oid is not distinct from to_regclass(quote_ident(c.relname))::oid as "isVisible"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
       and n.nspname not like 'pg\\_%' and not exists (
         select from jsonb_each($1::jsonb) wanted where not exists (
           select from pg_attribute a join pg_type t on t.oid = a.atttypid
           where a.attrelid = c.oid and a.attname = wanted.key and not a.attisdropped
             and (wanted.value = 'null' or wanted.value ? t.typname)))
     order by "isVisible" desc, 2, 3`,
    [JSON.stringify(columns)],
  );
  return rows as TableOfColumns[];
}
