import type { ViewSourceEntry } from '../model/view-source-entry.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { CONFIGURED_NAME, findRelation, type Relation, readColumns, readPrimaryKey } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { readDependedColumns } from './depended-columns.ts';
import { loggedModel } from './trigger-log.ts';
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
  types: ContentTypes,
): Promise<Proposal | null> {
  const view = await findRelation(client, name);
  if (view === null) return null;
  const columns = (await readColumns(client, view)).map(({ column }) => column);
  const { dependencies } = await readDefinition(client, view);
  const tables = tablesAmong(dependencies);
  const keys = await findKeys(client, view, tables);
  const offered = {
    columns,
    tables: tables.map((table) => table.name),
    keys: keys.map(({ column }) => column),
    contentTypes: [...types.keys()].map(modelNamed),
  };
  // Django's views begin with the key of their main table.
  const [key] = keys;
  if (key === undefined) return { ...offered, entry: {} };
  const lookups: ViewSourceEntry['lookups'] = [];
  for (const { table, column } of await findLookups(client, view, key.table)) {
    const model = (await findModel(client, table, types)) ?? { app_label: '', model: '' };
    lookups.push({ table: table.name, ...model, column });
  }
  const model = await findModel(client, key.table, types);
  return { ...offered, entry: { main_table: key.table.name, key_column: key.column, ...model, lookups } };
}

/** The model under which triggers log a table, else the first one that Django would store in a table of its name. */
async function findModel(
  client: Queryable,
  table: Pick<Dependency, 'oid' | 'table'>,
  types: ContentTypes,
): Promise<Model | undefined> {
  const logged = await loggedModel(client, table.oid, types);
  return logged === undefined ? modelsOf(table, types)[0] : modelNamed(logged);
}

/** The ids of content types by `app_label.model`. */
export type ContentTypes = ReadonlyMap<string, number>;

export const tablesAmong = (dependencies: readonly Dependency[]): Dependency[] =>
  dependencies.filter(({ kind }) => kind === 'r' || kind === 'p');

/** A column of a view that shows the primary key of a table. */
export type ShownKey = { column: string; table: Dependency };

/** The columns that show the single-column primary key of one of the tables, in the order of the view. */
export async function findKeys(
  client: Queryable,
  view: Relation,
  tables: readonly Dependency[],
): Promise<ShownKey[]> {
  const keys: ShownKey[] = [];
  for (const { column } of await readColumns(client, view)) {
    const origin = await readColumnOrigin(client, view, column);
    const table = tables.find(({ oid }) => oid === origin?.relation);
    if (origin === null || table === undefined) continue;
    if ((await readPrimaryKey(client, table)) === origin.column) keys.push({ column, table });
  }
  return keys;
}

/** `app_label.model` in its parts. */
export const modelNamed = (name: string): Model => {
  const [app_label = '', ...model] = name.split('.');
  return { app_label, model: model.join('.') };
};

export type Model = Pick<ViewSourceEntry, 'app_label' | 'model'>;

/** The models whose table it is by its name: Django names the table of a model `app_model`, unless the model says otherwise. */
export const modelsOf = ({ table }: Pick<Dependency, 'table'>, types: ContentTypes): Model[] =>
  [...types.keys()].filter((name) => name.replace('.', '_') === table).map(modelNamed);

/** A table whose changes show in rows of a view, and the foreign key of the main table that points at it. */
export type FoundLookup = {
  table: Pick<Dependency, 'oid' | 'table' | 'name'>;
  column: string;
  /** Whether the view shows rows of the table; otherwise only a deletion matters, which may leave NULL in the column. */
  isShown: boolean;
};

/**
 * The foreign keys of the main table that the view uses and whose tables the view depends on, or that may become NULL without a log row when a row
 * of their table is deleted (`setNullFindings`).
 */
export async function findLookups(
  client: Queryable,
  view: Relation,
  main: Pick<Dependency, 'oid'>,
): Promise<FoundLookup[]> {
  const used = new Set(await readDependedColumns(client, view, main));
  const { dependencies } = await readDefinition(client, view);
  const { rows } = await client.query(
    `select a.attname::text as column, not a.attnotnull as "isNullable", c.oid, c.relname::text as table, ${CONFIGURED_NAME} as name
     from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
     join pg_class c on c.oid = k.confrelid join pg_namespace n on n.oid = c.relnamespace
     where k.contype = 'f' and k.conrelid = $1 and cardinality(k.conkey) = 1 and k.conparentid = 0 order by a.attnum, k.oid`,
    [main.oid],
  );
  return (rows as { column: string; isNullable: boolean; oid: number; table: string; name: string }[])
    .filter(({ column }) => used.has(column))
    .flatMap(({ column, isNullable, ...table }) => {
      const dependency = dependencies.find(({ oid }) => oid === table.oid);
      // Of the main table, one occurrence is the rows themselves.
      const isShown = (dependency?.occurrences ?? 0) > (table.oid === main.oid ? 1 : 0);
      return isShown || isNullable ? [{ table, column, isShown }] : [];
    });
}
