import type { ViewSourceEntry } from '../model/view-source-entry.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { CONFIGURED_NAME, findRelation, type Relation, readColumns, readPrimaryKey } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { findContentTypes } from './content-types.ts';
import { type Dependency, readDefinition } from './view-definition.ts';

/** What the catalog of the source tells for the view source of a view. A field that it does not tell is missing. */
export type Proposal = {
  columns: string[];
  tables: string[];
  /** The columns that show the primary key of a table. */
  keys: string[];
  contentTypes: { app_label: string; model: string }[];
  entry: Partial<Pick<ViewSourceEntry, 'main_table' | 'app_label' | 'model' | 'key_column' | 'lookups'>>;
};

const MAX_VIEWS = 1000;

/** Reads the names of the first thousand views that the role may read, in alphabetical order, as a view source names them. */
export async function readViewNames(client: Queryable): Promise<string[]> {
  const { rows } = await client.query(
    `select ${CONFIGURED_NAME} as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and pg_table_is_visible(c.oid)
       and has_schema_privilege(n.oid, 'usage') and has_any_column_privilege(c.oid, 'select')
     order by 1 limit ${MAX_VIEWS}`,
  );
  return rows.map((row) => row.name as string);
}

/** Proposes the main table, key and lookups of a view by what it depends on. Null if there is no such view, or the role may not read it. */
export async function proposeEntry(
  client: Queryable,
  name: string,
  contentTypeTable: string,
): Promise<Proposal | null> {
  const view = await findRelation(client, name);
  if (view === null) return null;
  const columns = (await readColumns(client, view)).map(({ column }) => column);
  const { dependencies } = await readDefinition(client, view);
  const tables = dependencies.filter(({ kind }) => kind === 'r' || kind === 'p');
  const keys = await findKeys(client, view, columns, tables);
  const types = await findContentTypes(client, contentTypeTable);
  const offered = {
    columns,
    tables: tables.map((table) => table.name),
    keys: keys.map(({ column }) => column),
    contentTypes: [...types.keys()].map(modelNamed),
  };
  // Django's views begin with the key of their main table.
  const [key] = keys;
  if (key === undefined) return { ...offered, entry: {} };
  return {
    ...offered,
    entry: {
      main_table: key.table.name,
      key_column: key.column,
      ...modelOf(key.table, types),
      lookups: await findLookups(client, key.table, tables, types),
    },
  };
}

/** The columns that show the primary key of a table, in the order of the view. */
async function findKeys(
  client: Queryable,
  view: Relation,
  columns: readonly string[],
  tables: readonly Dependency[],
): Promise<{ column: string; table: Dependency }[]> {
  const keys: { column: string; table: Dependency }[] = [];
  for (const column of columns) {
    const origin = await readColumnOrigin(client, view, column);
    const table = tables.find(({ oid }) => oid === origin?.relation);
    if (origin === null || table === undefined) continue;
    const relation = await findRelation(client, table.name);
    if (relation !== null && (await readPrimaryKey(client, relation)) === origin.column)
      keys.push({ column, table });
  }
  return keys;
}

/** `app_label.model` in its parts. */
const modelNamed = (name: string): { app_label: string; model: string } => {
  const [app_label = '', model = ''] = name.split('.');
  return { app_label, model };
};

/** Django names the table of a model `app_model`, unless the model says otherwise. */
function modelOf(
  { table }: Dependency,
  types: ReadonlyMap<string, number>,
): Partial<Pick<ViewSourceEntry, 'app_label' | 'model'>> {
  const found = [...types.keys()].find((name) => name.replace('.', '_') === table);
  return found === undefined ? {} : modelNamed(found);
}

/** The tables of the view at which foreign keys of the main table point. */
async function findLookups(
  client: Queryable,
  main: Dependency,
  tables: readonly Dependency[],
  types: ReadonlyMap<string, number>,
): Promise<ViewSourceEntry['lookups']> {
  const { rows } = await client.query(
    `select a.attname::text as column, c.confrelid as table
     from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.contype = 'f' and c.conrelid = $1 and cardinality(c.conkey) = 1 order by a.attnum, c.oid`,
    [main.oid],
  );
  return rows.flatMap((row) => {
    const table = tables.find(({ oid }) => oid === row.table && oid !== main.oid);
    if (table === undefined) return [];
    const { app_label = '', model = '' } = modelOf(table, types);
    return [{ table: table.name, app_label, model, column: row.column as string }];
  });
}
