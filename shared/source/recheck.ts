import type pg from 'pg';
import { NOTHING_SEEN } from '../model/checkpoint.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { type Collapsed, collapseStatement } from './collapse.ts';
import type { SourceView } from './describe-view.ts';

/**
 * Finds the view's keys in all log rows from the lowest id with a date of `since` or later, captured or not. Leaves the keys on the
 * server, for `loggedKeysStatement` in the same transaction, and returns their number.
 */
export async function findKeysLoggedSince(
  client: pg.ClientBase,
  view: SourceView,
  logTable: string,
  since: Date,
): Promise<number> {
  const first = await client.query(
    `select min(id)::int8 as id from ${quoteIdentifier(logTable)} where date_created >= $1`,
    [since],
  );
  const firstId = first.rows[0].id as bigint | null;
  if (firstId === null) return 0;
  const { text, values } = collapseStatement(view, logTable, {
    floorId: firstId - 1n,
    seen: NOTHING_SEEN,
    maturedFloorId: firstId - 1n,
    maxLogRows: Number.MAX_SAFE_INTEGER,
    maxReadRows: Number.MAX_SAFE_INTEGER,
    queuedKeys: [],
    maxNullRows: Number.MAX_SAFE_INTEGER,
  });
  const { rows } = await client.query(text, values);
  const { upserts, deletes } = rows[0] as Collapsed;
  return Number(upserts + deletes);
}
