import type { TableShape } from '../model/columns.ts';
import { omittedColumnsOf, type ViewSource } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, relationsNamed } from './catalog.ts';
import { keyNamingFaults } from './key-naming.ts';
import type { KeyType } from './key-type.ts';
import { type LoggedTable, loggedTables } from './logged-tables.ts';
import { grantAdvice, type Missing, whyMissing } from './missing-relation.ts';
import { renameAdvice } from './rename-advice.ts';
import { changeColumn, type SourceColumn, sourceColumn } from './source-column.ts';
import { readStreamedWindow } from './streaming-window.ts';
import { readTextSettings, type TextSetting } from './text-settings.ts';
import { readViewCatalog, type ViewCatalog } from './view-catalog.ts';
import { contentTypeFaults, misconfigured, VIEW_MISSING, viewFaults } from './view-faults.ts';

/** A configured view, checked against the source's catalog: everything that capture and fetch need to know. */
export type SourceView = {
  name: string;
  /** The view's quoted name with its schema; `mainTable` likewise. */
  relation: string;
  keyColumn: string;
  keyType: KeyType;
  /** The columns as they are read when the whole view is copied. */
  columns: SourceColumn[];
  /** The same columns as they are read for rows that changed. */
  changeColumns: SourceColumn[];
  /** The columns of the view that its target does not get. */
  omittedColumns: string[];
  mainTable: string;
  /** The primary key column of the main table. */
  primaryKey: string;
  logged: LoggedTable[];
  /** The settings of the session under which its values would be written otherwise (`writtenRows`). */
  textSettings: TextSetting[];
  shape: TableShape;
};

/**
 * Looks the view source up in the source's catalog. Throws one `configuration` error that names every fault: a view, table,
 * column or content type that does not exist, a key type that is not supported, a column name that the target reserves, and what
 * `moreFaults` finds.
 */
export async function describeView(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
  moreFaults: (catalog: ViewCatalog) => Promise<string[]> = async () => [],
): Promise<SourceView> {
  const [view, main] = await atOnce(client, () => [
    findRelation(client, source.name),
    findRelation(client, source.mainTable),
  ]);
  if (view === null || main === null) {
    const missing = [
      ...(view === null ? [await whyMissing(client, 'view', source.name)] : []),
      ...(main === null ? [await whyMissing(client, 'main table', source.mainTable)] : []),
    ];
    const error = misconfigured(
      source,
      missing.map(({ why }) => why),
      await missingAdvice(client, source, missing, contentTypeTable),
    );
    throw view === null ? error.withContext({ code: VIEW_MISSING }) : error;
  }
  const catalog = await readViewCatalog(client, source, { view, main });
  const { keyType, primaryKey, viewColumns } = catalog;
  const [logged, types, naming, window, textSettings] = await atOnce(client, () => [
    loggedTables(client, source, catalog),
    contentTypeFaults(client, source, contentTypeTable),
    keyNamingFaults(client, source, catalog),
    readStreamedWindow(client, source),
    readTextSettings(client, view, source.datetimeColumns.length > 0),
  ]);
  const renamed = [...logged.faults, ...types];
  const faults = [...viewFaults(source, catalog), ...naming, ...renamed, ...(await moreFaults(catalog))];
  if (faults.length > 0 || primaryKey === null || keyType === undefined) {
    const followed = renamed.length > 0 ? await renameAdvice(client, source, contentTypeTable) : undefined;
    throw misconfigured(source, faults, naming.length > 0 ? otherTargetAdvice(source) : followed);
  }

  const omitted = omittedColumnsOf(source);
  const copied = viewColumns.filter(({ column }) => !omitted.has(column));
  const columns = copied.map((column) => sourceColumn(source, column));
  return {
    name: source.name,
    relation: view.name,
    keyColumn: source.keyColumn,
    keyType,
    columns,
    changeColumns: copied.map((column) => changeColumn(source, column, window)),
    omittedColumns: viewColumns.map(({ column }) => column).filter((column) => omitted.has(column)),
    mainTable: main.name,
    primaryKey,
    logged: logged.tables,
    textSettings,
    shape: {
      view: source.name,
      target: source.targetName,
      loadType: source.loadType,
      keyColumn: source.keyColumn,
      columns: columns.map(({ name, type, mode }) => ({ name, type, mode })),
    },
  };
}

/** What helps if the view or its main table is not found: the names that its tables have now, or rights. */
async function missingAdvice(
  client: Queryable,
  source: ViewSource,
  missing: Missing[],
  contentTypeTable: string,
): Promise<string | undefined> {
  const isGone = (await relationsNamed(client, source.mainTable)).length === 0;
  const renamed = isGone ? await renameAdvice(client, source, contentTypeTable) : undefined;
  const grant = grantAdvice(missing);
  return renamed ?? (grant && `${grant} Then import again, or resume the view.`);
}

/** What helps a view whose target has its rows under a key that log rows do not name. */
function otherTargetAdvice({ name, warehouseFingerprint }: ViewSource): string | undefined {
  if (warehouseFingerprint === null) return undefined;
  const forget = JSON.stringify({ view: name, forget: true });
  return `The target has its rows under the present key. If the key must become another column, send ${forget}, and give the view source that key and another target_name.`;
}
