import { DataHubError } from '../errors.ts';
import { columnNameFaults, fieldNameFaults } from '../model/columns.ts';
import { omittedColumnsOf, type ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findContentTypes } from './content-types.ts';
import { SUPPORTED_KEY_TYPES } from './key-type.ts';
import { isFieldName } from './tracked-fields.ts';
import type { ViewCatalog } from './view-catalog.ts';

/** The columns and variables of the target, the temp table and the procedure. A view cannot have columns of these names. */
export const RESERVED_COLUMN = /^(action|etl_transaction_id|is_deleted|update_at|batch_id|batch_rows|v_.*)$/i;

/** The code of the error for a view that does not exist in the source. */
export const VIEW_MISSING = 'view_missing';

/** The error for a view source that does not fit the source database; it lists all faults at once. */
export function misconfigured(source: ViewSource, faults: string[], advice?: string): DataHubError {
  return new DataHubError('configuration', `view source ${source.name}: ${faults.join('; ')}`, {
    context: { view: source.name },
    ...(advice !== undefined && { advice }),
  });
}

/** The faults of the configured columns and of the view itself. */
export function viewFaults(source: ViewSource, catalog: ViewCatalog): string[] {
  return [
    ...missingColumnFaults(source, catalog),
    ...targetColumnFaults(source, catalog),
    ...keyFaults(source, catalog),
    ...(catalog.view.isMaterialized
      ? [`${source.name} is a materialized view, and a refresh writes no log rows: configure a plain view`]
      : []),
  ];
}

function missingColumnFaults(source: ViewSource, { viewColumns, mainColumns }: ViewCatalog): string[] {
  const inView = new Set(viewColumns.map(({ column }) => column));
  const inMain = new Set(mainColumns.map(({ column }) => column));
  const omitted = omittedColumnsOf(source);
  const inTarget = new Set([...inView, 'update_at'].filter((name) => !omitted.has(name)));
  const configured: [string, string[], Set<string>][] = [
    ['key column', [source.keyColumn], inTarget],
    ['datetime column', source.datetimeColumns, inView],
    ['null_defaults column', Object.keys(source.nullDefaults), inView],
    ['unrepresentable column', Object.keys(source.unrepresentable), inView],
    ['null_arrays column', Object.keys(source.nullArrays), inView],
    ['foreign key column', source.foreignKeys.map(({ column }) => column), inView],
    ['partition column', source.partition === null ? [] : [source.partition.column], inTarget],
    ['cluster column', source.clusterColumns, inTarget],
    ['report column', [source.reportColumn], inTarget],
    ['tracked column', source.trackedColumns.filter((name) => !isFieldName(name)), inMain],
    ['lookup column', source.lookups.map(({ column }) => column), inMain],
  ];
  return configured.flatMap(([what, names, existing]) =>
    names
      .filter((name) => !existing.has(name))
      .map((name) =>
        existing === inTarget && inView.has(name)
          ? `${what} ${name} is one of the omitted columns, which the target does not get`
          : `${what} ${name} does not exist in ${existing === inMain ? source.mainTable : 'the view'}`,
      ),
  );
}

function targetColumnFaults(source: ViewSource, { viewColumns }: ViewCatalog): string[] {
  const { loadType, partition, unrepresentable } = source;
  const omitted = omittedColumnsOf(source);
  const names = viewColumns.map(({ column }) => column).filter((name) => !omitted.has(name));
  return [
    ...(partition !== null && unrepresentable[partition.column] === 'string'
      ? [
          `unrepresentable policy of ${partition.column} cannot be string: the column partitions the target, and BigQuery does not partition by a STRING`,
        ]
      : []),
    ...names
      .filter((name) => RESERVED_COLUMN.test(name))
      .map((name) => `column ${name} has a name that is reserved for the target: rename it in the view`),
    ...columnNameFaults(names),
    ...(loadType === 'bq-storage-api' ? fieldNameFaults(names) : []),
  ];
}

function keyFaults(source: ViewSource, { keyColumn, keyType, main, primaryKey }: ViewCatalog): string[] {
  return [
    ...(primaryKey === null
      ? [
          `main table ${source.mainTable} has no single-column primary key, and key ${source.keyColumn} shows no column that log rows may name instead: let the view show the one that Django takes for the primary key (the role finds ${main.name} under that name)`,
        ]
      : []),
    ...(keyColumn !== undefined && keyType === undefined
      ? [
          `key ${source.keyColumn} has type ${keyColumn.name}${keyColumn.isArray ? '[]' : ''}, but must have type ${SUPPORTED_KEY_TYPES}`,
        ]
      : []),
  ];
}

/**
 * The content types that do not exist, and those whose id now belongs to another model, for example after the source was restored
 * from elsewhere.
 */
export async function contentTypeFaults(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
): Promise<string[]> {
  const found = new Map(
    [...(await findContentTypes(client, contentTypeTable))].map(([name, id]) => [id, name]),
  );
  const ids = new Set(
    [source, ...source.lookups].flatMap(({ contentTypeId, childTypeIds = [] }) => [
      contentTypeId,
      ...childTypeIds,
    ]),
  );
  return [...ids].flatMap((id) => {
    const name = found.get(id);
    if (name === undefined) return [`content type ${id} does not exist in ${contentTypeTable}`];
    const imported = source.contentTypeNames[id] ?? name;
    return name === imported
      ? []
      : [`content type ${id} is now ${name}, but was ${imported} when the view source was imported`];
  });
}
