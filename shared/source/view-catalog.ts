import type { ViewSource } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { type CatalogColumn, type Relation, readColumns, readPrimaryKey } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { type KeyType, keyTypeOfColumn } from './key-type.ts';

/** What the source's catalog says about a configured view and its main table. */
export type ViewCatalog = {
  view: Relation;
  viewColumns: CatalogColumn[];
  /** Undefined if the view has no column of the configured name. */
  keyColumn: CatalogColumn | undefined;
  /** Undefined if there is no key column, or if keys of its type are not supported. */
  keyType: KeyType | undefined;
  main: Relation;
  mainColumns: CatalogColumn[];
  /** The column whose values log rows name. Null if unknown. */
  primaryKey: string | null;
  /** Whether that is no primary key, so that nothing in the database keeps its values unique. */
  isKeyUnproven: boolean;
};

export async function readViewCatalog(
  client: Queryable,
  source: ViewSource,
  { view, main }: { view: Relation; main: Relation },
): Promise<ViewCatalog> {
  const [viewColumns, mainColumns, declared] = await atOnce(client, () => [
    readColumns(client, view),
    readColumns(client, main),
    readPrimaryKey(client, main),
  ]);
  const primaryKey = declared ?? (await shownColumn(client, source.keyColumn, { view, main }));
  const isKeyUnproven =
    declared === null && primaryKey !== null && !(await isUnique(client, main, primaryKey));
  const keyColumn = viewColumns.find(({ column }) => column === source.keyColumn);
  const keyType =
    keyColumn &&
    keyTypeOfColumn(
      keyColumn,
      mainColumns.find(({ column }) => column === primaryKey),
    );
  return { view, viewColumns, keyColumn, keyType, main, mainColumns, primaryKey, isKeyUnproven };
}

/**
 * The column of the main table that the view's key shows, if it is a part of the primary key or the table has none; null if the catalog does
 * not tell. The primary key of a partitioned table has the column of the partitions in it, beside the one that Django knows as the primary key.
 */
async function shownColumn(
  client: Queryable,
  keyColumn: string,
  { view, main }: { view: Relation; main: Relation },
): Promise<string | null> {
  const origin = await readColumnOrigin(client, view, keyColumn);
  if (origin?.relation !== main.oid) return null;
  const { rows } = await client.query(
    `select a.attname::text as column from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
     where i.indrelid = $1 and i.indisprimary`,
    [main.oid],
  );
  return rows.length === 0 || rows.some(({ column }) => column === origin.column) ? origin.column : null;
}

/** Whether a unique index on the column alone keeps its values unique. */
async function isUnique(client: Queryable, { oid }: Relation, column: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = $1 and a.attname = $2 and a.attnotnull and i.indnkeyatts = 1 and i.indisunique and i.indisvalid
       and i.indpred is null`,
    [oid, column],
  );
  return rowCount !== 0;
}
