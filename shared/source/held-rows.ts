import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, type Relation, relationsNamed } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { isConvincing, logEvidence } from './log-evidence.ts';
import { whyMissing } from './missing-relation.ts';
import { readViewCatalog } from './view-catalog.ts';

/**
 * Whether a content type is what the model of this table was called before: no other table belongs to it. Only then do its log rows name rows of
 * the table.
 */
export async function isFormerModel(client: Queryable, model: string, table: string): Promise<boolean> {
  const [own] = await relationsNamed(client, model.replace('.', '_'));
  const [present] = await relationsNamed(client, table);
  return own === undefined || own.oid === present?.oid;
}

/**
 * The faults of a view source that names another main table or model than the one that has fed its target: every key of the view must be in the
 * new table, and so must the objects that the log names under the former model. Reads all keys of the view, unless the catalog proves them.
 */
export async function heldRowsFaults(
  client: Queryable,
  former: ViewSource,
  source: ViewSource,
  logTable: string,
): Promise<string[]> {
  const view = await findRelation(client, source.name);
  const main = await findRelation(client, source.mainTable);
  if (view === null) return [(await whyMissing(client, 'view', source.name)).why];
  if (main === null) return [(await whyMissing(client, 'main table', source.mainTable)).why];
  const { keyColumn, primaryKey } = await readViewCatalog(client, source, { view, main });
  if (primaryKey === null || keyColumn === undefined) {
    return [
      `main table ${source.mainTable}: nothing shows which column of it the view's key ${source.keyColumn} names`,
    ];
  }
  const strange = await countStrangeKeys(client, source.keyColumn, { view, main, primaryKey });
  if (strange > 0n) {
    return [
      `main table ${source.mainTable} cannot take the place of ${former.mainTable}: ${strange} rows of the view have keys that are not in it`,
    ];
  }
  const model = former.contentTypeNames[former.contentTypeId];
  if (model === undefined || !(await isFormerModel(client, model, source.mainTable))) return [];
  const contentTypeIds = [former.contentTypeId];
  const found = await logEvidence(
    client,
    { relation: main, column: primaryKey },
    { contentTypeIds, logTable },
  );
  if (found === null || isConvincing(found)) return [];
  return [
    `main table ${source.mainTable} cannot take the place of ${former.mainTable}: only ${found.existing} of the newest ${found.logged} objects that the log names for ${model} exist in it`,
  ];
}

/** How many rows of the view have a key that the main table does not have. */
async function countStrangeKeys(
  client: Queryable,
  keyColumn: string,
  { view, main, primaryKey }: { view: Relation; main: Relation; primaryKey: string },
): Promise<bigint> {
  const origin = await readColumnOrigin(client, view, keyColumn);
  if (origin?.relation === main.oid && origin.column === primaryKey) return 0n;
  const { rows } = await client.query(
    `select count(*) as strange from (select v.${quoteIdentifier(keyColumn)}::text as key from ${view.name} v) shown
     where not exists (select from ${main.name} m where m.${quoteIdentifier(primaryKey)}::text = key)`,
  );
  return BigInt(rows[0].strange);
}
