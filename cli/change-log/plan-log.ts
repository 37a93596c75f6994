import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import { findRelation, type Relation, readForeignKey, readPrimaryKey } from '../../shared/source/catalog.ts';
import { readColumnOrigin } from '../../shared/source/column-origin.ts';
import { TRIGGER_LOG } from '../../shared/source/trigger-log.ts';
import { assignContentTypes } from './content-types.ts';
import type { LogPlan, TableName } from './log-plan.ts';

/** A view and the tables whose changes change its rows, as a view source names them. */
export type LoggedView = {
  name: string;
  main_table: string;
  key_column: string;
  lookups: readonly { table: string; column: string; references?: string | undefined }[];
};

/** A table that is to be logged, with the column whose values log rows name. */
export type KeyedTable = { oid: number; keyColumn: string };
/** What the catalog says about it; names are not quoted. */
export type FoundTable = KeyedTable & {
  schema: string;
  table: string;
  kind: string;
  owner: string;
  below: { schema: string; table: string; kind: string }[];
};

/** The role that the script makes for the functions if the one that asks may write. */
export const READER = 'datahub_reader';

/**
 * Plans the log of the main and lookup tables of some views. `contentTypeTable` is the application's, whose ids are kept; null if it has none. Returns
 * what cannot be logged as sentences, and the role that asks if it may write, so that the script makes another one.
 */
export async function planLog(
  client: Queryable,
  views: readonly LoggedView[],
  contentTypeTable: string | null,
): Promise<{ plan: LogPlan; problems: string[]; writer: string | null }> {
  const problems: string[] = [];
  const keys = new Map<number, string>();
  const relations = new Map<number, Relation>();
  for (const view of views) {
    for (const { relation, keyColumn } of await keyedTables(client, view, problems)) {
      const before = keys.get(relation.oid);
      if (before !== undefined && keyColumn !== null && before !== keyColumn) {
        problems.push(
          `${relation.name} is followed by ${before} and by ${keyColumn}: its log rows can name one of them. Give it a primary key with one column.`,
        );
      }
      relations.set(relation.oid, relation);
      if (keyColumn !== null) keys.set(relation.oid, before ?? keyColumn);
    }
  }
  const found = await readTables(
    client,
    [...keys].map(([oid, keyColumn]) => ({ oid, keyColumn })),
  );
  const loggable = found.filter((table) => isLoggable(table, problems));
  const owners = new Set(loggable.map(({ owner }) => owner));
  const [owner = null] = owners.size === 1 ? owners : [];
  const place = await readPlace(client, [...keys.keys()]);
  const types = await assignContentTypes(client, loggable, contentTypeTable);
  const tables = loggable.map((table) => ({
    ...named(table),
    keyColumn: table.keyColumn,
    contentType: types.get(table.oid) ?? fail(`no content type for ${table.table}`),
    below: table.below.filter(({ kind }) => kind !== 'f').map(named),
  }));
  const reader = {
    role: place.mayWrite ? READER : place.role,
    relations: [...new Set([...relations.values()].map(({ name }) => name))].sort(),
    schemas: await readSchemas(client, [...relations.keys()]),
  };
  return {
    plan: { ...TRIGGER_LOG, schema: place.schema, tables, owner, reader },
    problems,
    writer: place.mayWrite ? place.role : null,
  };
}

const fail = (message: string): never => {
  throw new Error(message);
};

const named = ({ schema, table, kind }: Pick<FoundTable, 'schema' | 'table' | 'kind'>): TableName => ({
  name: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
  isPartitioned: kind === 'p',
});

/** The view itself, without a key, its main table and its lookups. */
async function keyedTables(
  client: Queryable,
  { name, main_table, key_column, lookups }: LoggedView,
  problems: string[],
): Promise<{ relation: Relation; keyColumn: string | null }[]> {
  const [view, main] = [await findRelation(client, name), await findRelation(client, main_table)];
  if (view === null || main === null) {
    problems.push(
      `${view === null ? name : main_table} cannot be found or read, so that no table of view ${name} is logged.`,
    );
    return [];
  }
  const found: { relation: Relation; keyColumn: string | null }[] = [{ relation: view, keyColumn: null }];
  const shown = await readColumnOrigin(client, view, key_column);
  const mainKey =
    (await readPrimaryKey(client, main)) ?? (shown?.relation === main.oid ? shown.column : null);
  if (mainKey === null)
    problems.push(
      `${main.name} has no column that log rows could name. Give it a primary key with one column.`,
    );
  else found.push({ relation: main, keyColumn: mainKey });
  for (const { table, column, references } of lookups) {
    const relation = await findRelation(client, table);
    const key =
      relation &&
      ((await readPrimaryKey(client, relation)) ??
        references ??
        (await readForeignKey(client, { from: main, column, to: relation })).referenced);
    if (relation === null || key === null) {
      problems.push(
        `${table} cannot be read, or has no column that log rows could name: its changes are not logged.`,
      );
    } else found.push({ relation, keyColumn: key });
  }
  return found;
}

function isLoggable({ schema, table, kind, below }: FoundTable, problems: string[]): boolean {
  const foreign = below.filter((each) => each.kind === 'f');
  for (const each of foreign) {
    problems.push(
      `${each.schema}.${each.table} is a foreign table, which triggers cannot log: rows that change there need resyncs.`,
    );
  }
  if (kind === 'r' || kind === 'p') return true;
  problems.push(`${schema}.${table} is no table that triggers can log: its changes need resyncs.`);
  return false;
}

async function readTables(client: Queryable, tables: readonly KeyedTable[]): Promise<FoundTable[]> {
  const { rows } = await client.query(
    `with recursive below as (
       select inhparent as root, inhrelid as oid from pg_inherits where inhparent = any($1::oid[])
       union
       select b.root, i.inhrelid from below b join pg_inherits i on i.inhparent = b.oid
     )
     select c.oid, n.nspname::text as schema, c.relname::text as "table", c.relkind::text as kind, pg_get_userbyid(c.relowner)::text as owner,
       (select coalesce(jsonb_agg(jsonb_build_object('schema', m.nspname, 'table', p.relname, 'kind', p.relkind) order by m.nspname, p.relname), '[]')
        from below b join pg_class p on p.oid = b.oid join pg_namespace m on m.oid = p.relnamespace where b.root = c.oid) as below
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = any($1::oid[]) order by 2, 3`,
    [tables.map(({ oid }) => oid)],
  );
  const keys = new Map(tables.map(({ oid, keyColumn }) => [oid, keyColumn]));
  return rows.map((row) => ({
    ...(row as Omit<FoundTable, 'keyColumn'>),
    keyColumn: keys.get(row.oid as number) ?? '',
  }));
}

/** Where the log is or would be, and for whom it is read. */
async function readPlace(
  client: Queryable,
  tables: readonly number[],
): Promise<{ schema: string; role: string; mayWrite: boolean }> {
  const { rows } = await client.query(
    `select coalesce(
         (select relnamespace::regnamespace::name::text from pg_class where oid = to_regclass($1)),
         (current_schemas(false))[1]::text, 'public') as schema,
       current_user::text as role,
       coalesce((select bool_or(has_table_privilege(oid, 'insert, update, delete')) from unnest($2::oid[]) as oid), false) as "mayWrite"`,
    [quoteIdentifier(TRIGGER_LOG.logTable), tables],
  );
  return rows[0] as { schema: string; role: string; mayWrite: boolean };
}

async function readSchemas(client: Queryable, relations: readonly number[]): Promise<string[]> {
  const { rows } = await client.query(
    `select distinct n.nspname::text as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = any($1::oid[]) order by 1`,
    [relations],
  );
  return rows.map(({ schema }) => schema as string);
}
