import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { relationsNamed } from './catalog.ts';
import { isOfOtherRows } from './change-notes.ts';
import { type ColumnOrigin, readColumnOrigin } from './column-origin.ts';
import { readDependedColumns } from './depended-columns.ts';
import type { Note } from './model-faults.ts';
import { lookupEntry } from './set-null-findings.ts';
import type { ViewCatalog } from './view-catalog.ts';
import type { Dependency, ViewDefinition } from './view-definition.ts';

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
 * What the dependencies of the view show. Faults: the view does not depend on its main table, its key is another column than the key of the main
 * table, or it depends on a table whose changes nobody follows. Notes: it names a table more often than its lookups follow it.
 */
export async function dependencyFindings(
  client: Queryable,
  source: ViewSource,
  catalog: ViewCatalog,
  definition: ViewDefinition,
  contentTypes: ReadonlyMap<string, number>,
): Promise<{ faults: string[]; notes: Note[] }> {
  const relations = await readRelations(client, source, catalog);
  const mainFault = mainTableFault(source, catalog, definition, relations);
  // Without the right main table, all that follows would be wrong.
  if (mainFault !== null) return { faults: [mainFault], notes: [] };
  const used = catalog.view.isView ? await usedTables(client, source, catalog, definition, relations) : [];
  const faults = [
    ...(await keyOriginFaults(client, source, catalog, relations)),
    ...lookupTargetFaults(source, definition, relations),
    ...used.filter(isUnfollowed).map((table) => unfollowed(source, table, contentTypes)),
  ];
  return { faults, notes: repeatedTableNotes(source, definition, used) };
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
  { view, primaryKey, main }: ViewCatalog,
  { foreignKeys, mainFamily }: Relations,
): Promise<string[]> {
  if (primaryKey === null) return [];
  const origin = await readColumnOrigin(client, view, keyColumn);
  // `keyNamingFaults` looks at the columns of the main table itself.
  if (origin === null || origin.relation === main.oid) return [];
  if (mainFamily.has(origin.relation) && origin.column === primaryKey) return [];
  const shown = await describeOrigin(client, origin);
  // A one-to-one relation, or a model that inherits from another: the values are those of the primary key.
  const isReferenced = foreignKeys.some(
    (key) => key.column === primaryKey && key.table === origin.relation && key.referenced === shown.number,
  );
  if (
    isReferenced ||
    (await pointsAt(client, { relation: origin.relation, number: shown.number }, main.oid, primaryKey))
  )
    return [];
  return [
    `key ${keyColumn} shows column ${origin.column} of table ${shown.table}, but log rows name the primary key ${primaryKey} of ${mainTable}: configure the column of the view that shows it`,
  ];
}

/** The name of the table, and the number of the column in it. */
async function describeOrigin(
  client: Queryable,
  { relation, column }: ColumnOrigin,
): Promise<{ table: string; number: number }> {
  const { rows } = await client.query(
    `select c.relname::text as table, a.attnum::int as number
     from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attrelid = $1 and a.attname = $2`,
    [relation, column],
  );
  return rows[0] as { table: string; number: number };
}

/** Whether a foreign key of this column references the column of the table. */
async function pointsAt(
  client: Queryable,
  { relation, number }: { relation: number; number: number },
  to: number,
  toColumn: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_constraint c join pg_attribute a on a.attrelid = c.confrelid and a.attnum = c.confkey[1]
     where c.contype = 'f' and c.conrelid = $1 and c.conkey = array[$2::int2] and c.confrelid = $3 and a.attname = $4`,
    [relation, number, to, toColumn],
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

/** A table on which the view depends and which is not ignored. */
type UsedTable = Dependency & {
  isMain: boolean;
  /** The foreign keys of the main table that point at it and that the view uses. */
  pointing: string[];
  /** The columns by which lookups follow it. */
  followed: string[];
};

async function usedTables(
  client: Queryable,
  source: ViewSource,
  { view, main }: ViewCatalog,
  { dependencies }: ViewDefinition,
  { foreignKeys, mainFamily, lookups }: Relations,
): Promise<UsedTable[]> {
  const used = new Set(await readDependedColumns(client, view, main));
  const ignored = new Set(source.ignoredDependencies);
  return dependencies
    .filter(isTable)
    .filter(
      ({ name, table, schema }) => ![name, table, `${schema}.${table}`].some((each) => ignored.has(each)),
    )
    .map((dependency) => {
      const { oid } = dependency;
      const pointing = foreignKeys.filter((key) => key.table === oid && used.has(key.column));
      const columns = [...new Set(pointing.map(({ column }) => column))];
      // A column that is no foreign key in the database may hold the values all the same, above all where `references` says so.
      const follows = ({ table, column, references }: ViewSource['lookups'][number]) =>
        lookups.get(table) === oid &&
        (columns.includes(column) ||
          (used.has(column) && (references !== undefined || columns.length === 0)));
      const followed = [...new Set(source.lookups.filter(follows).map(({ column }) => column))];
      return { ...dependency, isMain: mainFamily.has(oid), pointing: columns, followed };
    });
}

/** Whether changes of the table reach no row of the view, or not by each of the foreign keys that point at it. */
function isUnfollowed({ isMain, occurrences, pointing, followed }: UsedTable): boolean {
  // Of the main table, one occurrence is the rows themselves; others may be the branches of a union.
  const others = occurrences - (isMain ? 1 : 0);
  const needed = Math.max(Math.min(others, pointing.length), isMain ? 0 : 1);
  return followed.length < needed;
}

function unfollowed(
  { mainTable, name: view }: ViewSource,
  { name, table, pointing, followed }: UsedTable,
  contentTypes: ReadonlyMap<string, number>,
): string {
  const ignore = `or, if its changes do not matter or resyncs cover them, "ignored_dependencies": ["${name}"]`;
  const columns = pointing.filter((column) => !followed.includes(column));
  if (columns.length === 0) {
    return `view ${view} depends on ${name}, whose changes nobody follows, and no foreign key of ${mainTable} points at it: add to lookups ${lookupEntry({ name, table, column: '…' }, contentTypes)} with the column of ${mainTable} that holds its keys, ${ignore}`;
  }
  const entries = columns.map((column) => lookupEntry({ name, table, column }, contentTypes));
  return `view ${view} depends on ${name}, whose changes nobody follows: add to lookups ${entries.join(', ')}, ${ignore}`;
}

/** A view that names a table again may show other rows of it, which its log rows do not name. Each branch of a union may name it. */
function repeatedTableNotes(
  { name }: ViewSource,
  { hasSetOperation, parts }: ViewDefinition,
  used: UsedTable[],
): Note[] {
  const branches = hasSetOperation
    ? used.filter(({ isMain }) => isMain).reduce((sum, { occurrences }) => sum + occurrences, 0)
    : 1;
  const advice = (table: string) =>
    `Schedule resyncs of the view: {"view":"${name}","resync":true}. After that, or if such changes cannot happen: "ignored_dependencies": ["${table}"].`;
  return used.flatMap(({ isMain, occurrences, followed, table }): Note[] => {
    if (occurrences <= branches * (followed.length + (isMain ? 1 : 0))) return [];
    // `changeNotes` tells that a row changes with others.
    if (isMain && parts.some(isOfOtherRows)) return [];
    const message = isMain
      ? `view ${name} names its main table ${table} ${occurrences} times: a row that shows another one of it changes with that one, but no log row names it`
      : `view ${name} names ${table} ${occurrences} times, but lookups follow it by ${followed.join(', ')} only: other rows of it that a row shows may change without a log row that names that row`;
    return [{ message, advice: advice(table), ok: false }];
  });
}
