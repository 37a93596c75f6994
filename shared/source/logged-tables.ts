import { type Lookup, omittedColumnsOf, type ViewSource } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, type Relation } from './catalog.ts';
import { readColumnsNamedOnce, readDependedColumns } from './depended-columns.ts';
import type { KeyType } from './key-type.ts';
import { type LookupReference, lookupReference } from './lookup-reference.ts';
import { whyMissing } from './missing-relation.ts';
import { fieldColumns } from './tracked-fields.ts';
import type { ViewCatalog } from './view-catalog.ts';

/**
 * A table whose log rows affect the view: the main table itself, whose log rows name the key, or a lookup. A log row of a lookup
 * affects every row of the main table whose foreign key points at it.
 */
export type LoggedTable = {
  /** pg_class.oid. */
  oid: number;
  /** The content types of its model and of the models that inherit from it. */
  contentTypeIds: number[];
  /** How rows of the main table point at the lookup; null for the main table itself. */
  reference: LookupReference | null;
  /** The type of the object ids in its log rows. */
  keyType: KeyType;
  /** Its primary key column, which `changed_data` lists when the key itself changed; null if unknown. */
  primaryKey: string | null;
  /** Whether a log row with the action `changed` is skipped if it lists columns of the table, but no tracked one. */
  skipsUntracked: boolean;
  trackedColumns: string[];
  /** All columns of the table. */
  columns: string[];
};

/**
 * Finds the tables whose log rows affect the view, with the columns on which the view depends. Returns the faults of the
 * configured lookups too; a lookup whose column does not exist is left to `viewFaults`.
 */
export async function loggedTables(
  client: Queryable,
  source: ViewSource,
  catalog: ViewCatalog,
): Promise<{ tables: LoggedTable[]; faults: string[] }> {
  const { main, mainColumns, keyType, primaryKey } = catalog;
  const tables: LoggedTable[] = [];
  const faults: string[] = [];
  const [depended, ...lookups] = await atOnce(client, () => [
    readTrackedColumns(client, source, catalog, main),
    ...source.lookups.map((lookup) => lookupTable(client, source, lookup, catalog)),
  ]);
  if (keyType !== undefined) {
    const columns = mainColumns.map(({ column }) => column);
    const configured = source.trackedColumns.flatMap((name) => [name, ...fieldColumns(name, columns)]);
    tables.push({
      oid: main.oid,
      contentTypeIds: [source.contentTypeId, ...source.childTypeIds, ...source.formerTypeIds],
      reference: null,
      keyType,
      primaryKey,
      skipsUntracked: source.skipUntracked,
      trackedColumns: [...new Set([...depended, ...configured])],
      columns,
    });
  }
  for (const found of lookups) {
    if (typeof found === 'string') faults.push(found);
    else if (found !== null) tables.push(found);
  }
  return { tables, faults };
}

/** Returns a fault as text, and null if the lookup's column does not exist. */
async function lookupTable(
  client: Queryable,
  source: ViewSource,
  lookup: Lookup,
  catalog: ViewCatalog,
): Promise<LoggedTable | string | null> {
  const relation = await findRelation(client, lookup.table);
  if (relation === null) {
    const { why, grant } = await whyMissing(client, 'lookup table', lookup.table);
    return grant === null ? why : `${why}: ${grant}`;
  }
  const found = await lookupReference(client, lookup, { ...catalog, relation });
  if (found === null || typeof found === 'string') return found;
  const shown = await readTrackedColumns(client, source, catalog, relation);
  const referenced = found.reference.through?.column ?? found.primaryKey;
  return {
    oid: relation.oid,
    contentTypeIds: [lookup.contentTypeId, ...(lookup.childTypeIds ?? []), ...(lookup.formerTypeIds ?? [])],
    ...found,
    // Where the view shows nothing of the lookup but the foreign key, a change of its other columns changes no row, whatever a save wrote.
    skipsUntracked: lookup.skipUntracked ?? (source.skipUntracked || shown.length === 0),
    trackedColumns: [...new Set([...shown, ...(referenced === null ? [] : [referenced])])],
  };
}

/** The columns of `table` on which the target depends: not those that the view uses for nothing but an omitted column of the same name. */
async function readTrackedColumns(
  client: Queryable,
  source: ViewSource,
  { view, viewColumns }: Pick<ViewCatalog, 'view' | 'viewColumns'>,
  table: Relation,
): Promise<string[]> {
  const columns = await readDependedColumns(client, view, table);
  const omitted = omittedColumnsOf(source);
  const onlyShown = new Set(
    await readColumnsNamedOnce(
      client,
      view,
      columns.filter((name) => omitted.has(name) && viewColumns.some(({ column }) => column === name)),
    ),
  );
  return columns.filter((name) => !onlyShown.has(name));
}
