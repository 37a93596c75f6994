import type pg from 'pg';
import { fromPostgres, QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { Extraction } from './extraction.ts';

/** How many rows the view has in the batch's snapshot (null: it took too long, or a row of the view cannot be read), and how long that took. */
export type CountedRows = { rows: bigint | null; durationMs: number };

const TIMEOUT_MS = 5_000;

/**
 * Counts the rows of the view for its status, unless the last count was too slow to be repeated already: counting takes at most about one
 * percent of the time. Returns null when no count is due. A failed count fails nothing else.
 */
export async function countRows(
  client: pg.ClientBase,
  view: SourceView,
  { source }: Extraction,
  { clock, control }: Dependencies,
): Promise<CountedRows | null> {
  if (!(await control.rowCounts.isDue(source.name))) return null;
  const startedMs = clock.nowMs();
  const rows = await countInTime(client, view.relation);
  return { rows, durationMs: clock.nowMs() - startedMs };
}

async function countInTime(client: pg.ClientBase, relation: string): Promise<bigint | null> {
  await client.query(`savepoint count_rows; set local statement_timeout = ${TIMEOUT_MS}`);
  try {
    const { rows } = await client.query<{ n: string }>(`select count(*)::text as n from ${relation}`);
    return BigInt(rows[0]?.n ?? 0);
  } catch (thrown) {
    const error = fromPostgres(thrown, 'source');
    if (error.kind === 'bad_data' || error.context.code === QUERY_CANCELED) return null;
    throw error;
  } finally {
    // Also gives the transaction its own time-out back.
    await client.query('rollback to savepoint count_rows; release savepoint count_rows');
  }
}
