import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { type CatalogColumn, type Relation, readColumns, readPrimaryKey } from './catalog.ts';
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
  /** Null if the main table has no single-column primary key. */
  primaryKey: string | null;
};

export async function readViewCatalog(
  client: Queryable,
  source: ViewSource,
  { view, main }: { view: Relation; main: Relation },
): Promise<ViewCatalog> {
  const viewColumns = await readColumns(client, view);
  const mainColumns = await readColumns(client, main);
  const primaryKey = await readPrimaryKey(client, main);
  const keyColumn = viewColumns.find(({ column }) => column === source.keyColumn);
  const keyType =
    keyColumn &&
    keyTypeOfColumn(
      keyColumn,
      mainColumns.find(({ column }) => column === primaryKey),
    );
  return { view, viewColumns, keyColumn, keyType, main, mainColumns, primaryKey };
}
