import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, readPrimaryKey } from './catalog.ts';
import type { Finding } from './inspect-server.ts';
import { isConvincing, logEvidence } from './log-evidence.ts';

/** A content type whose model has the same name as one that the view source follows, in another app. */
type Namesake = { id: number; appLabel: string; model: string };

/**
 * Finds models that were moved to another app while their table kept its name (`db_table`): the log names rows of the main table or of a lookup
 * under a content type of the same model name, since when it names none under the followed one.
 */
export async function findMovedModels(
  client: Queryable,
  source: ViewSource,
  { changeLogTable, contentTypeTable }: { changeLogTable: string; contentTypeTable: string },
): Promise<Finding[]> {
  const followed = [
    { ...source, table: source.mainTable, what: `main table ${source.mainTable}`, where: '' },
    ...source.lookups.map((lookup) => ({
      ...lookup,
      what: `lookup ${lookup.table}`,
      where: ` in its lookup by ${lookup.column}`,
    })),
  ];
  const findings: Finding[] = [];
  for (const { contentTypeId, childTypeIds = [], formerTypeIds = [], table, what, where } of followed) {
    const relation = await findRelation(client, table);
    const column = relation && (await readPrimaryKey(client, relation));
    if (relation === null || column === null) continue;
    const known = [contentTypeId, ...childTypeIds, ...formerTypeIds];
    for (const { id, appLabel, model } of await readSuccessors(
      client,
      { contentTypeId, known },
      changeLogTable,
      contentTypeTable,
    )) {
      const found = await logEvidence(
        client,
        { relation, column },
        { contentTypeIds: [id], logTable: changeLogTable },
      );
      if (found === null || found.logged === 0 || !isConvincing(found)) continue;
      const fields = JSON.stringify({ app_label: appLabel, model });
      findings.push({
        check: `model of ${what}`,
        ok: false,
        message: `the log names rows of ${what} under content type ${appLabel}.${model}, which view ${source.name} does not follow, and none under ${source.contentTypeNames[contentTypeId]} since then`,
        advice: `Import the view source again with ${fields}${where}. The next batch then carries the whole view.`,
      });
    }
  }
  return findings;
}

/** The namesakes without a table of their own that the log names only after the last log row of the followed content type. */
async function readSuccessors(
  client: Queryable,
  { contentTypeId, known }: { contentTypeId: number; known: number[] },
  logTable: string,
  contentTypeTable: string,
): Promise<Namesake[]> {
  const log = quoteIdentifier(logTable);
  const types = quoteIdentifier(contentTypeTable);
  const { rows } = await client.query(
    `select t.id::int as id, t.app_label as "appLabel", t.model from ${types} t join ${types} followed on followed.model = t.model
     where followed.id = $1 and t.id <> all($2::int[]) and to_regclass(quote_ident(t.app_label || '_' || t.model)) is null
       and (select min(id) from ${log} where content_type_id = t.id)
         > coalesce((select max(id) from ${log} where content_type_id = $1), 0)
     order by t.id`,
    [contentTypeId, known],
  );
  return rows as Namesake[];
}
