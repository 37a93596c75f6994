import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { type Relation, readColumns } from './catalog.ts';
import { referenceType } from './key-type.ts';

/** How many of the newest log rows are looked at. */
const EVIDENCE_ROWS = 200;

/** A table and its column whose values the log is thought to name. */
export type TableKey = { relation: Relation; column: string };

/** Of the objects that the newest log rows name: their number, and how many exist. Those that were deleted last are left out. */
export type LogEvidence = { logged: number; existing: number };

/** Looks up in the table which objects the log names with these content types. Null if the table or the type of its key is unknown. */
export async function logEvidence(
  client: Queryable,
  key: TableKey | null,
  { contentTypeIds, logTable }: { contentTypeIds: number[]; logTable: string },
): Promise<LogEvidence | null> {
  if (key === null) return null;
  const column = (await readColumns(client, key.relation)).find((each) => each.column === key.column);
  const keyType = column && referenceType(column);
  if (keyType === undefined) return null;
  const { rows } = await client.query(
    `with newest as (
       select id, object_id::text as object_id, action from ${quoteIdentifier(logTable)}
       where content_type_id = any($1::int[]) order by id desc limit ${EVIDENCE_ROWS}
     ), object as (
       select distinct on (object_id) object_id, action from newest order by object_id, id desc
     )
     select count(*)::int as logged, count(*) filter (where exists (
       select from ${key.relation.name} m where m.${quoteIdentifier(key.column)} = ${keyType.fromText('o.object_id')}
     ))::int as existing
     from object o where action <> 'deleted'`,
    [contentTypeIds],
  );
  return rows[0] as LogEvidence;
}

/** Rows can be deleted without a log row, so not every object must exist. */
export const isConvincing = ({ logged, existing }: LogEvidence): boolean => existing * 2 >= logged;
