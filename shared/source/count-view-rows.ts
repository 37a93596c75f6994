import type pg from 'pg';
import type { SourceView } from './describe-view.ts';
import { estimateRows } from './plan-slices.ts';
import { readBriefly } from './read-briefly.ts';

/** How many rows a view has: counted, or as many as its main table has by PostgreSQL's estimate (0 if it has none yet). */
export type ViewRows = { rows: number; isCounted: boolean };

/** Counts the rows of a view, within a transaction. Estimates them if that takes longer than some seconds. */
export async function countViewRows(
  client: pg.ClientBase,
  view: SourceView,
  seconds: number,
): Promise<ViewRows> {
  const counted = await readBriefly(
    client,
    async () => (await client.query(`select count(*)::int8 as rows from ${view.relation}`)).rows,
    seconds,
  );
  return counted === null
    ? { rows: await estimateRows(client, view), isCounted: false }
    : { rows: Number(counted[0].rows as bigint), isCounted: true };
}
