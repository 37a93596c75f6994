import type { Lookup, ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, readDependedColumns } from './catalog.ts';
import { type KeyType, keyTypeOf, SUPPORTED_KEY_TYPES } from './key-type.ts';
import { whyMissing } from './missing-relation.ts';
import { NOT_COPIED } from './source-column.ts';
import type { ViewCatalog } from './view-catalog.ts';

/**
 * A table whose log rows affect the view: the main table itself, whose log rows name the key, or a lookup. A log row of a lookup
 * affects every row of the main table whose foreign key points at it.
 */
export type LoggedTable = {
  contentTypeId: number;
  /** The main table's column that points at the lookup; null for the main table itself. */
  foreignKey: string | null;
  keyType: KeyType;
  /** A log row with the action `changed` matters only if it lists one of these columns. */
  trackedColumns: string[];
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
  const { view, main, keyType } = catalog;
  const tables: LoggedTable[] = [];
  const faults: string[] = [];
  if (keyType !== undefined) {
    const depended = withoutUncopied(await readDependedColumns(client, view, main));
    const trackedColumns = [...new Set([...depended, ...source.trackedColumns])];
    tables.push({ contentTypeId: source.contentTypeId, foreignKey: null, keyType, trackedColumns });
  }
  for (const lookup of source.lookups) {
    const found = await lookupTable(client, lookup, catalog);
    if (typeof found === 'string') faults.push(found);
    else if (found !== null) tables.push(found);
  }
  return { tables, faults };
}

/** Returns a fault as text, and null if the lookup's column does not exist. */
async function lookupTable(
  client: Queryable,
  { table, column: foreignKey, contentTypeId }: Lookup,
  { view, mainColumns }: ViewCatalog,
): Promise<LoggedTable | string | null> {
  const relation = await findRelation(client, table);
  if (relation === null) {
    const { why, grant } = await whyMissing(client, 'lookup table', table);
    return grant === null ? why : `${why}: ${grant}`;
  }
  const column = mainColumns.find((each) => each.column === foreignKey);
  if (column === undefined) return null;
  const keyType = keyTypeOf(column.name);
  if (keyType === undefined) {
    return `lookup column ${foreignKey} has type ${column.name}, but must have type ${SUPPORTED_KEY_TYPES}`;
  }
  const trackedColumns = withoutUncopied(await readDependedColumns(client, view, relation));
  return { contentTypeId, foreignKey, keyType, trackedColumns };
}

const withoutUncopied = (columns: string[]): string[] => columns.filter((name) => name !== NOT_COPIED);
