import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, type Relation } from './catalog.ts';
import type { ViewCatalog } from './view-catalog.ts';

/**
 * The configured child models that have a table of their own which does not inherit from the table that they are configured for: their log rows
 * name other rows. A model whose table has another name (`db_table`) cannot be told.
 */
export async function childModelFaults(
  client: Queryable,
  source: ViewSource,
  { main }: ViewCatalog,
): Promise<string[]> {
  const parents: { relation: Relation; what: string; typeIds: number[] }[] = [
    { relation: main, what: `main table ${source.mainTable}`, typeIds: source.childTypeIds },
  ];
  for (const { table, childTypeIds: typeIds = [] } of source.lookups) {
    const relation = await findRelation(client, table);
    if (relation !== null) parents.push({ relation, what: `lookup table ${table}`, typeIds });
  }
  const faults: string[] = [];
  for (const { relation, what, typeIds } of parents) {
    for (const model of typeIds.flatMap((id) => source.contentTypeNames[id] ?? [])) {
      const table = model.replace('.', '_');
      if (await inheritsFrom(client, table, relation)) continue;
      faults.push(
        `${what}: child model ${model} is the model of table ${table}, whose primary key does not point at it: remove it from child_models`,
      );
    }
  }
  return faults;
}

/** Whether the primary key of a table references that of another one, in one or more steps; true if there is no table of that name. */
async function inheritsFrom(client: Queryable, table: string, { oid }: Relation): Promise<boolean> {
  const { rows } = await client.query(
    `with recursive parent as (
       select to_regclass(quote_ident($1))::oid as oid
       union
       select f.confrelid from parent p
       join pg_constraint k on k.conrelid = p.oid and k.contype = 'p'
       join pg_constraint f on f.conrelid = p.oid and f.contype = 'f' and f.conkey = k.conkey
     )
     select bool_or(oid = $2 or oid is null) as inherits from parent`,
    [table, oid],
  );
  return rows[0].inherits === true;
}
