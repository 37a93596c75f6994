import type pg from 'pg';
import type { DataHubError } from '../../shared/errors.ts';
import { atOnce } from '../../shared/postgres/at-once.ts';
import { fromPostgres, QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { Extraction } from './extraction.ts';

/** How many rows the view has in the batch's snapshot (null: it took too long, or the view cannot be read), and how long that took. */
export type CountedRows = { rows: bigint | null; durationMs: number };

const TIMEOUT_MS = 5_000;

/**
 * Counts the rows of the view for its status, unless the last count was too slow to be repeated already: counting takes at most about a
 * thousandth of the time. Returns null when no count is due. A failed count fails nothing else: the batch reads the rows that it names and fails
 * by itself if it must. Throws only errors that pass, such as a lost connection.
 */
export async function countRows(
  client: pg.ClientBase,
  view: SourceView,
  { source }: Extraction,
  { clock, control, log }: Dependencies,
): Promise<CountedRows | null> {
  if (!(await control.rowCounts.isDue(source.name))) return null;
  const startedMs = clock.nowMs();
  const rows = await countInTime(client, view.relation, ({ kind, message }) =>
    log.warn({ view: source.name, kind, error: message }, 'rows not counted'),
  );
  return { rows, durationMs: clock.nowMs() - startedMs };
}

async function countInTime(
  client: pg.ClientBase,
  relation: string,
  onFailure: (error: DataHubError) => void,
): Promise<bigint | null> {
  try {
    const [, { rows }] = await atOnce(client, () => [
      client.query(`savepoint count_rows; set local statement_timeout = ${TIMEOUT_MS}`),
      client.query<{ n: string }>(`select count(*)::text as n from ${relation}`),
      // Also gives the transaction its own time-out back, and goes on after a failure.
      client.query('rollback to savepoint count_rows; release savepoint count_rows'),
    ]);
    return BigInt(rows[0]?.n ?? 0);
  } catch (thrown) {
    const error = fromPostgres(thrown, 'source');
    const isSlow = error.context.code === QUERY_CANCELED;
    if (error.kind === 'transient' && !isSlow) throw error;
    if (!isSlow) onFailure(error);
    return null;
  }
}
