import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, readColumns, readPrimaryKey } from './catalog.ts';
import { referenceType } from './key-type.ts';

/** How many of the newest log rows of a model are looked at. */
const EVIDENCE_ROWS = 200;

/**
 * What a finding says, and what helps. A note is no fault: something that the operator should know. `ok` is false if rows may be wrong until the
 * operator has decided, so that the check is not green.
 */
export type Note = { message: string; advice: string; ok?: false };

/**
 * Whether the models of the main table and of the lookups are the models of these tables. Django names the table of a model
 * `app_label_model`; for another name (`db_table`), the newest objects that the log names must be rows of the table.
 */
export async function modelFindings(
  client: Queryable,
  source: ViewSource,
  logTable: string,
): Promise<{ faults: string[]; notes: Note[] }> {
  const faults: string[] = [];
  const notes: Note[] = [];
  const named = [
    { table: source.mainTable, contentTypeId: source.contentTypeId, what: 'main table' },
    ...source.lookups.map(({ table, contentTypeId }) => ({ table, contentTypeId, what: 'lookup table' })),
  ];
  for (const { table, contentTypeId, what } of uniqueBy(
    named,
    (each) => `${each.contentTypeId} ${each.table}`,
  )) {
    const model = source.contentTypeNames[contentTypeId];
    if (model === undefined || model.replace('.', '_') === table) continue;
    const own = model.replace('.', '_');
    if ((await findTable(client, own)) !== null) {
      faults.push(
        `${what} ${table}: model ${model} is the model of table ${own}: configure the model whose rows ${table} holds`,
      );
      continue;
    }
    const found = await evidence(client, { table, contentTypeId, logTable });
    if (found === null) continue;
    if (found.logged === 0) {
      notes.push({
        message: `${what} ${table}: nothing shows yet that model ${model} is its model, since the log names no object of it`,
        advice: `Check it in the application: the model's Meta.db_table must be ${table}.`,
      });
    } else if (found.existing * 2 < found.logged) {
      faults.push(
        `${what} ${table}: model ${model} seems to be another table's, since only ${found.existing} of the newest ${found.logged} objects that the log names exist in ${table}`,
      );
    }
  }
  return { faults, notes };
}

const uniqueBy = <T>(items: T[], keyOf: (item: T) => string): T[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];

/** Whether a table of that name exists on the search path, even one that the role may not read. */
async function findTable(client: Queryable, name: string): Promise<number | null> {
  const { rows } = await client.query(
    `select oid from pg_class where oid = to_regclass(quote_ident($1)) and relkind in ('r', 'p', 'f')`,
    [name],
  );
  return (rows[0]?.oid as number | undefined) ?? null;
}

/** How many of the newest objects that the log names exist in the table; those that were deleted last are left out. Null if unknown. */
async function evidence(
  client: Queryable,
  { table, contentTypeId, logTable }: { table: string; contentTypeId: number; logTable: string },
): Promise<{ logged: number; existing: number } | null> {
  const relation = await findRelation(client, table);
  const primaryKey = relation === null ? null : await readPrimaryKey(client, relation);
  if (relation === null || primaryKey === null) return null;
  const column = (await readColumns(client, relation)).find((each) => each.column === primaryKey);
  const keyType = column && referenceType(column);
  if (keyType === undefined) return null;
  const { rows } = await client.query(
    `with newest as (
       select id, object_id::text as object_id, action from ${quoteIdentifier(logTable)}
       where content_type_id = $1 order by id desc limit ${EVIDENCE_ROWS}
     ), object as (
       select distinct on (object_id) object_id, action from newest order by object_id, id desc
     )
     select count(*)::int as logged, count(*) filter (where exists (
       select from ${relation.name} m where m.${quoteIdentifier(primaryKey)} = ${keyType.fromText('o.object_id')}
     ))::int as existing
     from object o where action <> 'deleted'`,
    [contentTypeId],
  );
  return rows[0] as { logged: number; existing: number };
}
