import type { Queryable } from '../postgres/transaction.ts';
import { findRelation } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';

/** The table (pg_class.oid) that each of these columns of a view comes from; null for one that is computed. */
export async function tablesOfColumns(
  client: Queryable,
  view: string,
  columns: Iterable<string>,
): Promise<Map<string, number | null>> {
  const tables = new Map<string, number | null>();
  const relation = await findRelation(client, view);
  if (relation === null) return tables;
  for (const column of columns) {
    tables.set(column, (await readColumnOrigin(client, relation, column))?.relation ?? null);
  }
  return tables;
}
