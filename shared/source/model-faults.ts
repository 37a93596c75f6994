import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, readPrimaryKey, relationsNamed } from './catalog.ts';
import { isConvincing, logEvidence, type TableKey } from './log-evidence.ts';

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
    if (model === undefined) continue;
    const own = model.replace('.', '_');
    if (await isNamed(client, table, own)) continue;
    if ((await findTable(client, own)) !== null) {
      faults.push(
        `${what} ${table}: model ${model} is the model of table ${own}: configure the model whose rows ${table} holds`,
      );
      continue;
    }
    const found = await logEvidence(client, await keyOf(client, table), {
      contentTypeIds: [contentTypeId],
      logTable,
    });
    if (found === null) continue;
    if (found.logged === 0) {
      notes.push({
        message: `${what} ${table}: nothing shows yet that model ${model} is its model, since the log names no object of it`,
        advice: `Check it in the application: the model's Meta.db_table must be ${table}.`,
      });
    } else if (!isConvincing(found)) {
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

/** Returns null if the table is unknown or has no single-column primary key. */
async function keyOf(client: Queryable, table: string): Promise<TableKey | null> {
  const relation = await findRelation(client, table);
  const column = relation && (await readPrimaryKey(client, relation));
  return relation === null || column === null ? null : { relation, column };
}

/** Whether a configured table has this name, in whatever schema it is. */
async function isNamed(client: Queryable, table: string, name: string): Promise<boolean> {
  const [found] = await relationsNamed(client, table);
  if (found === undefined) return false;
  const { rowCount } = await client.query('select from pg_class where oid = $1 and relname = $2', [
    found.oid,
    name,
  ]);
  return rowCount !== 0;
}

/** Whether a table of that name exists on the search path, even one that the role may not read. */
async function findTable(client: Queryable, name: string): Promise<number | null> {
  const { rows } = await client.query(
    `select oid from pg_class where oid = to_regclass(quote_ident($1)) and relkind in ('r', 'p', 'f')`,
    [name],
  );
  return (rows[0]?.oid as number | undefined) ?? null;
}
