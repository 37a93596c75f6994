import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation } from './catalog.ts';
import type { Finding } from './inspect-server.ts';

/**
 * Finds tables that have rows and whose models no log row names, although the log has rows of others: the application may not log them at all,
 * so that no change of them would reach the target.
 */
export async function findSilentModels(
  client: Queryable,
  source: ViewSource,
  logTable: string,
): Promise<Finding[]> {
  const followed = [
    { ...source, table: source.mainTable, what: 'main table' },
    ...source.lookups.map((lookup) => ({ ...lookup, what: 'lookup' })),
  ];
  const log = quoteIdentifier(logTable);
  const findings: Finding[] = [];
  const seen = new Set<number>();
  for (const { contentTypeId, childTypeIds = [], formerTypeIds = [], table, what } of followed) {
    const relation = await findRelation(client, table);
    if (relation === null || seen.has(contentTypeId)) continue;
    seen.add(contentTypeId);
    const { rows } = await client.query(
      `select exists (select from ${log}) and exists (select from ${relation.name})
         and not exists (select from ${log} where content_type_id = any($1::int[])) as "isSilent"`,
      [[contentTypeId, ...childTypeIds, ...formerTypeIds]],
    );
    if (!(rows[0].isSilent as boolean)) continue;
    findings.push({
      check: `log rows of ${source.name}`,
      ok: true,
      message: `${what} ${table} has rows, and the log has no row of ${source.contentTypeNames[contentTypeId]}: its changes may not be logged`,
      advice:
        "If its rows change: add the model to LOGGING_MODELS in the application's settings, then resync the view. Log rows that were pruned need nothing.",
    });
  }
  return findings;
}
