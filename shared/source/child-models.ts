import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, type Relation, readPrimaryKey } from './catalog.ts';
import type { Finding } from './inspect-server.ts';

/** A table of a model that inherits from another model; its primary key points at that model's table. */
type ChildTable = {
  table: string;
  column: string;
  appLabel: string | null;
  model: string | null;
  typeId: number | null;
};

/**
 * Finds the models that inherit from the model of the main table or of a lookup (multi-table inheritance) and that the view source does
 * not follow: Django logs their saves under their own content types. Django calls their primary key `…_ptr_id`.
 */
export async function findChildModels(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const main = await findRelation(client, source.mainTable);
  const followed = new Set([source.contentTypeId, ...source.childTypeIds]);
  const mainKey = main && (await readPrimaryKey(client, main));
  const propose = async (relation: Relation, what: string, known: Set<number>) => {
    for (const child of await readChildTables(client, relation, contentTypeTable)) {
      if (child.typeId === null || !known.has(child.typeId)) findings.push(finding(source.name, what, child));
    }
  };
  if (main !== null) await propose(main, `main table ${source.mainTable}`, followed);
  for (const { table, column, contentTypeId, childTypeIds = [] } of source.lookups) {
    const relation = await findRelation(client, table);
    if (relation === null) continue;
    const known = new Set([contentTypeId, ...childTypeIds]);
    // A child's own table is its main table, and its key points at its parent: its log rows name the same rows.
    if (column === mainKey) for (const id of followed) known.add(id);
    await propose(relation, `lookup ${table}`, known);
  }
  return findings;
}

function finding(view: string, what: string, { table, column, appLabel, model }: ChildTable): Finding {
  const isKnown = appLabel !== null && model !== null;
  const name = isKnown ? `model ${appLabel}.${model}` : `the model of table ${table}`;
  const entry = JSON.stringify({ app_label: appLabel ?? '…', model: model ?? '…' });
  return {
    check: `child models of ${view}`,
    ok: false,
    message: `${name} inherits from the model of ${what} (by ${column} of ${table}); its saves are logged under its own content type, which the view does not follow`,
    advice: `Add ${entry} to "child_models" of the ${what}, and import the view source again. Then resync the view if such rows were saved before.`,
  };
}

/** Reads the tables whose primary key is a `…_ptr_id` that points at the table, and those that point at these in turn. */
async function readChildTables(
  client: Queryable,
  { oid }: Relation,
  contentTypeTable: string,
): Promise<ChildTable[]> {
  const { rows } = await client.query(
    `with recursive child as (
       select $1::oid as oid, null::name as "column"
       union
       select f.conrelid, a.attname from child p
       join pg_constraint f on f.confrelid = p.oid and f.contype = 'f' and cardinality(f.conkey) = 1
       join pg_constraint k on k.conrelid = f.conrelid and k.contype = 'p' and k.conkey = f.conkey
       join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1] and a.attname ~ '_ptr(_id)?$'
     )
     select c.relname::text as "table", child.column::text, t.app_label as "appLabel", t.model, t.id::int as "typeId"
     from child join pg_class c on c.oid = child.oid
     left join ${quoteIdentifier(contentTypeTable)} t on t.app_label || '_' || t.model = c.relname
     where child.column is not null order by c.relname`,
    [oid],
  );
  return rows as ChildTable[];
}
