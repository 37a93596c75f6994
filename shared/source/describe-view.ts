import { DataHubError } from '../errors.ts';
import { columnNameFaults, type TableShape } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import {
  type CatalogColumn,
  findRelation,
  type Relation,
  readColumns,
  readDependedColumns,
  readPrimaryKey,
} from './catalog.ts';
import { findContentTypes } from './content-types.ts';
import { type KeyType, keyTypeOf, SUPPORTED_KEY_TYPES } from './key-type.ts';
import { changeColumn, type SourceColumn, sourceColumn } from './source-column.ts';

export type { SourceColumn };

/** A table whose log rows name rows of the main table: its own, or a lookup's by the foreign key that points at it. */
export type LoggedTable = {
  contentTypeId: number;
  /** Null for the main table itself. */
  foreignKey: string | null;
  keyType: KeyType;
  /** A log row `changed` matters when it touches one of them. */
  trackedColumns: string[];
};

/** A configured view, checked against the source's catalog: everything that capture and fetch need to know. */
export type SourceView = {
  name: string;
  relation: string;
  keyColumn: string;
  keyType: KeyType;
  columns: SourceColumn[];
  /** The same columns as the rows of a change have them. */
  changeColumns: SourceColumn[];
  mainTable: string;
  primaryKey: string;
  logged: LoggedTable[];
  shape: TableShape;
};

/** Columns and variables of the target, the temp table and the procedure; a view cannot have them as its own. */
const RESERVED = /^(action|etl_transaction_id|is_deleted|update_at|batch_id|batch_rows|v_.*)$/i;
/** The source's clock of the row; optional, and never copied. */
const NOT_COPIED = 'updated_at';

/**
 * Looks the view source up in the catalog. Throws `configuration` naming every fault at once: view, tables, columns or
 * content types that do not exist, a key of no supported type, a name that the target needs for itself.
 */
export async function describeView(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
): Promise<SourceView> {
  const view = await findRelation(client, source.name);
  const main = await findRelation(client, source.mainTable);
  if (view === null || main === null) {
    throw misconfigured(source, [
      ...(view === null ? [`view ${source.name} does not exist in the source or may not be read`] : []),
      ...(main === null
        ? [`main table ${source.mainTable} does not exist in the source or may not be read`]
        : []),
    ]);
  }
  const viewColumns = await readColumns(client, view);
  const mainColumns = await readColumns(client, main);
  const primaryKey = await readPrimaryKey(client, main);
  const keyColumn = viewColumns.find(({ column }) => column === source.keyColumn);
  const keyType = keyColumn && !keyColumn.isArray ? keyTypeOf(keyColumn.name) : undefined;
  const logged = await loggedTables(client, source, view, main, mainColumns, keyType);
  const faults = [
    ...columnFaults(source, viewColumns, mainColumns),
    ...(primaryKey === null ? [`main table ${source.mainTable} has no primary key of one column`] : []),
    ...(keyColumn !== undefined && keyType === undefined
      ? [
          `key ${source.keyColumn} is of type ${keyColumn.name}${keyColumn.isArray ? '[]' : ''}, but keys may be ${SUPPORTED_KEY_TYPES}`,
        ]
      : []),
    ...(view.isMaterialized
      ? [`${source.name} is a materialized view, whose refresh leaves no log row: configure a view`]
      : []),
    ...logged.faults,
    ...(await contentTypeFaults(client, source, contentTypeTable)),
  ];
  if (faults.length > 0 || primaryKey === null || keyType === undefined) throw misconfigured(source, faults);

  const copied = viewColumns.filter(({ column }) => column !== NOT_COPIED);
  const columns = copied.map((column) => sourceColumn(source, column));
  const changeColumns = copied.map((column) => changeColumn(source, column));
  return {
    name: source.name,
    relation: view.name,
    keyColumn: source.keyColumn,
    keyType,
    columns,
    changeColumns,
    mainTable: main.name,
    primaryKey,
    logged: logged.tables,
    shape: {
      view: source.name,
      target: source.targetName,
      loadType: source.loadType,
      keyColumn: source.keyColumn,
      columns: columns.map(({ name, type, mode }) => ({ name, type, mode })),
    },
  };
}

function misconfigured(source: ViewSource, faults: string[]): DataHubError {
  return new DataHubError('configuration', `view source ${source.name}: ${faults.join('; ')}`, {
    context: { view: source.name },
  });
}

function columnFaults(
  source: ViewSource,
  viewColumns: CatalogColumn[],
  mainColumns: CatalogColumn[],
): string[] {
  const inView = new Set(viewColumns.map(({ column }) => column));
  const inMain = new Set(mainColumns.map(({ column }) => column));
  const inTarget = new Set([...inView, 'update_at']);
  inTarget.delete(NOT_COPIED);
  const configured: [string, string[], Set<string>][] = [
    ['key column', [source.keyColumn], inView],
    ['datetime column', source.datetimeColumns, inView],
    ['null default for', Object.keys(source.nullDefaults), inView],
    ['policy for', Object.keys(source.unrepresentable), inView],
    ['foreign key column', source.foreignKeys.map(({ column }) => column), inView],
    ['partition column', source.partition === null ? [] : [source.partition.column], inTarget],
    ['cluster column', source.clusterColumns, inTarget],
    ['report column', [source.reportColumn], inTarget],
    ['tracked column', source.trackedColumns, inMain],
    ['lookup column', source.lookups.map(({ column }) => column), inMain],
  ];
  return [
    ...configured.flatMap(([what, names, existing]) =>
      names
        .filter((name) => !existing.has(name))
        .map(
          (name) =>
            `${what} ${name} does not exist in ${existing === inMain ? source.mainTable : 'the view'}`,
        ),
    ),
    ...(source.partition !== null && source.unrepresentable[source.partition.column] === 'string'
      ? [
          `policy for ${source.partition.column} cannot be string: it partitions the target, which a STRING cannot`,
        ]
      : []),
    ...viewColumns
      .filter(({ column }) => RESERVED.test(column))
      .map(({ column }) => `column ${column} has a name that the target needs for itself`),
    ...columnNameFaults(viewColumns.map(({ column }) => column).filter((column) => column !== NOT_COPIED)),
  ];
}

async function loggedTables(
  client: Queryable,
  source: ViewSource,
  view: Relation,
  main: Relation,
  mainColumns: CatalogColumn[],
  keyType: KeyType | undefined,
): Promise<{ tables: LoggedTable[]; faults: string[] }> {
  const tables: LoggedTable[] = [];
  const faults: string[] = [];
  if (keyType !== undefined) {
    const depended = await readDependedColumns(client, view, main);
    const tracked = new Set([...depended.filter((name) => name !== NOT_COPIED), ...source.trackedColumns]);
    tables.push({
      contentTypeId: source.contentTypeId,
      foreignKey: null,
      keyType,
      trackedColumns: [...tracked],
    });
  }
  for (const lookup of source.lookups) {
    const relation = await findRelation(client, lookup.table);
    const column = mainColumns.find((each) => each.column === lookup.column);
    const lookupKey = column === undefined ? undefined : keyTypeOf(column.name);
    if (relation === null) faults.push(`lookup table ${lookup.table} does not exist or may not be read`);
    else if (column !== undefined && lookupKey === undefined) {
      faults.push(
        `lookup column ${lookup.column} is of type ${column.name}, but may be ${SUPPORTED_KEY_TYPES}`,
      );
    } else if (lookupKey !== undefined) {
      const trackedColumns = await readDependedColumns(client, view, relation);
      tables.push({
        contentTypeId: lookup.contentTypeId,
        foreignKey: lookup.column,
        keyType: lookupKey,
        trackedColumns: trackedColumns.filter((name) => name !== NOT_COPIED),
      });
    }
  }
  return { tables, faults };
}

/** A content type that does not exist, or whose id is another model's now, as after the source was restored elsewhere. */
async function contentTypeFaults(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
): Promise<string[]> {
  const found = new Map(
    [...(await findContentTypes(client, contentTypeTable))].map(([name, id]) => [id, name]),
  );
  const ids = new Set([source, ...source.lookups].map(({ contentTypeId }) => contentTypeId));
  return [...ids].flatMap((id) => {
    const name = found.get(id);
    const imported = source.contentTypeNames[id] ?? name;
    if (name === undefined) return [`content type ${id} does not exist in ${contentTypeTable}`];
    return name === imported
      ? []
      : [`content type ${id} is ${name} now, and was ${imported} when it was imported`];
  });
}

/** Those of `keys` that are no value of the view's key type. */
export async function badKeysAmong(client: Queryable, view: SourceView, keys: string[]): Promise<string[]> {
  const { rows } = await client.query(
    `select q as key from unnest($1::text[]) as q where (${view.keyType.fromText('q')}) is null limit 20`,
    [keys],
  );
  return rows.map((row) => JSON.stringify(row.key));
}
