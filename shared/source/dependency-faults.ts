import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { readDependedColumns, relationsNamed } from './catalog.ts';
import type { ViewCatalog } from './view-catalog.ts';
import type { Dependency, Origin, ViewDefinition } from './view-definition.ts';

/** The foreign keys between two tables, by column of the first, and the tables that belong together by inheritance or partitioning. */
type Relations = {
  /** The single-column foreign keys of the main table. */
  foreignKeys: { column: string; table: number; referenced: number }[];
  /** The main table with its partitions, its parents and what inherits from it. */
  mainFamily: Set<number>;
  /** The tables that the names of the lookups mean. */
  lookups: Map<string, number>;
};

/**
 * The faults of a view source that the dependencies of the view show: the view does not depend on its main table, its key is another column
 * than the key of the main table, or it depends on a table whose changes nobody follows.
 */
export async function dependencyFaults(
  client: Queryable,
  source: ViewSource,
  catalog: ViewCatalog,
  definition: ViewDefinition,
  contentTypes: ReadonlyMap<string, number>,
): Promise<string[]> {
  const relations = await readRelations(client, source, catalog);
  const mainFault = mainTableFault(source, catalog, definition, relations);
  // Without the right main table, all that follows would be wrong.
  if (mainFault !== null) return [mainFault];
  return [
    ...(await keyOriginFaults(client, source, catalog, definition, relations)),
    ...lookupTargetFaults(source, definition, relations),
    ...(await unfollowedFaults(client, source, catalog, definition, relations, contentTypes)),
  ];
}

async function readRelations(
  client: Queryable,
  source: ViewSource,
  { main }: ViewCatalog,
): Promise<Relations> {
  const keys = await client.query(
    `select a.attname::text as column, c.confrelid as table, c.confkey[1]::int as referenced
     from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.contype = 'f' and c.conrelid = $1 and cardinality(c.conkey) = 1 order by a.attnum, c.oid`,
    [main.oid],
  );
  const family = await client.query(
    `with recursive parent as (select $1::oid as oid union select i.inhparent from parent p join pg_inherits i on i.inhrelid = p.oid),
       child as (select $1::oid as oid union select i.inhrelid from child c join pg_inherits i on i.inhparent = c.oid)
     select oid from parent union select oid from child`,
    [main.oid],
  );
  const lookups = new Map<string, number>();
  for (const { table } of source.lookups) {
    const [found] = await relationsNamed(client, table);
    if (found !== undefined) lookups.set(table, found.oid);
  }
  return {
    foreignKeys: keys.rows as Relations['foreignKeys'],
    mainFamily: new Set(family.rows.map((row) => row.oid as number)),
    lookups,
  };
}

const isTable = ({ kind }: Dependency): boolean => ['r', 'p', 'f'].includes(kind);

/** A function may read a table that the catalog does not list as a dependency. */
const callsOwnFunction = ({ functions }: ViewDefinition): boolean =>
  functions.some(({ isBuiltIn, volatility }) => !isBuiltIn && volatility !== 'i');

function mainTableFault(
  { name, mainTable }: ViewSource,
  { view, main }: ViewCatalog,
  definition: ViewDefinition,
  { mainFamily }: Relations,
): string | null {
  const tables = definition.dependencies.filter(isTable);
  const isFound = view.isView
    ? tables.some(({ oid }) => mainFamily.has(oid))
    : view.oid === main.oid || mainFamily.has(view.oid);
  if (isFound || (tables.length === 0 && callsOwnFunction(definition))) return null;
  const listed = tables.map((table) => table.name).join(', ');
  return `view ${name} does not depend on main table ${mainTable}${listed === '' ? '' : `, only on ${listed}`}: name the table whose rows the view shows`;
}

/** The log names rows by their primary key, so that the view's key must have its values. */
async function keyOriginFaults(
  client: Queryable,
  { keyColumn, mainTable }: ViewSource,
  { view, viewColumns, primaryKey, main }: ViewCatalog,
  { originOf }: ViewDefinition,
  { foreignKeys, mainFamily }: Relations,
): Promise<string[]> {
  if (!view.isView && keyColumn !== primaryKey && primaryKey !== null) {
    return [`key ${keyColumn} is not the primary key ${primaryKey} of ${mainTable}, which log rows name`];
  }
  // No column of a view can be dropped, so that its place is its number.
  const at = viewColumns.findIndex(({ column }) => column === keyColumn);
  const origin = view.isView && at >= 0 ? originOf(at + 1) : null;
  if (origin === null || primaryKey === null) return [];
  const found = await nameOf(client, origin);
  // `keyNamingFaults` looks at the columns of the main table itself.
  if (origin.table === main.oid) return [];
  if (mainFamily.has(origin.table) && found.column === primaryKey) return [];
  // A one-to-one relation, or a model that inherits from another: the values are those of the primary key.
  const isReferenced = foreignKeys.some(
    (key) => key.column === primaryKey && key.table === origin.table && key.referenced === origin.column,
  );
  if (isReferenced || (await pointsAt(client, origin, main.oid, primaryKey))) return [];
  return [
    `key ${keyColumn} shows column ${found.column} of table ${found.table}, but log rows name the primary key ${primaryKey} of ${mainTable}: configure the column of the view that shows it`,
  ];
}

async function nameOf(client: Queryable, origin: Origin): Promise<{ table: string; column: string }> {
  const { rows } = await client.query(
    `select c.relname::text as table, a.attname::text as column
     from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attrelid = $1 and a.attnum = $2`,
    [origin.table, origin.column],
  );
  return rows[0] as { table: string; column: string };
}

/** Whether a foreign key of this column references the column of the table. */
async function pointsAt(
  client: Queryable,
  { table, column }: Origin,
  to: number,
  toColumn: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_constraint c join pg_attribute a on a.attrelid = c.confrelid and a.attnum = c.confkey[1]
     where c.contype = 'f' and c.conrelid = $1 and c.conkey = array[$2::int2] and c.confrelid = $3 and a.attname = $4`,
    [table, column, to, toColumn],
  );
  return rowCount !== 0;
}

/** A lookup's column that the database lets point at another table. */
function lookupTargetFaults(
  { lookups, mainTable }: ViewSource,
  { dependencies }: ViewDefinition,
  { foreignKeys, lookups: tables }: Relations,
): string[] {
  return lookups.flatMap(({ table, column }) => {
    const targets = foreignKeys.filter((key) => key.column === column).map((key) => key.table);
    const named = tables.get(table);
    if (named === undefined || targets.length === 0 || targets.includes(named)) return [];
    const right = dependencies.find(({ oid }) => targets.includes(oid))?.name;
    return [
      `lookup ${table}: column ${column} of ${mainTable} points at ${right ?? 'another table'}, not at ${table}`,
    ];
  });
}

/** The tables on which the view depends and whose changes reach no row of it, each with the entry that would follow them. */
async function unfollowedFaults(
  client: Queryable,
  source: ViewSource,
  { view, main }: ViewCatalog,
  { dependencies }: ViewDefinition,
  { foreignKeys, mainFamily, lookups }: Relations,
  contentTypes: ReadonlyMap<string, number>,
): Promise<string[]> {
  if (!view.isView) return [];
  const used = new Set(await readDependedColumns(client, view, main));
  const ignored = new Set(source.ignoredDependencies);
  return dependencies.filter(isTable).flatMap((dependency) => {
    const { oid, table, schema } = dependency;
    if ([table, `${schema}.${table}`, dependency.name].some((name) => ignored.has(name))) return [];
    const isMain = mainFamily.has(oid);
    const pointing = foreignKeys.filter((key) => key.table === oid && used.has(key.column));
    // Of the main table, one occurrence is the rows themselves; others may be the branches of a union.
    if (isMain && pointing.length === 0) return [];
    const occurrences = dependency.occurrences - (isMain ? 1 : 0);
    const followed = source.lookups
      .filter((lookup) => lookups.get(lookup.table) === oid)
      .map(({ column }) => column);
    const needed = Math.max(Math.min(occurrences, pointing.length), isMain ? 0 : 1);
    if (followed.length >= needed) return [];
    return [unfollowed(source, dependency, { pointing, followed, contentTypes })];
  });
}

function unfollowed(
  { mainTable, name: view }: ViewSource,
  { name: table, table: unqualified }: Dependency,
  {
    pointing,
    followed,
    contentTypes,
  }: {
    pointing: Relations['foreignKeys'];
    followed: string[];
    contentTypes: ReadonlyMap<string, number>;
  },
): string {
  const ignore = `or, if its changes do not matter or resyncs cover them, "ignored_dependencies": ["${table}"]`;
  const type = [...contentTypes.keys()].find((each) => each.replace('.', '_') === unqualified);
  const [app_label = '…', model = '…'] = type?.split('.') ?? [];
  const columns = pointing.map(({ column }) => column).filter((column) => !followed.includes(column));
  if (columns.length === 0) {
    return `view ${view} depends on ${table}, whose changes nobody follows, and no foreign key of ${mainTable} points at it: add to lookups ${JSON.stringify({ table, app_label, model, column: '…' })} with the column of ${mainTable} that holds its keys, ${ignore}`;
  }
  const entries = columns.map((column) => JSON.stringify({ table, app_label, model, column }));
  return `view ${view} depends on ${table}, whose changes nobody follows: add to lookups ${entries.join(', ')}, ${ignore}`;
}
