import type pg from 'pg';
import { inTransaction } from '../postgres/transaction.ts';

/** So that a tick never waits long for it. */
const ROWS_AT_ONCE = 10_000;

/**
 * Deletes what is older than `days`: batches that have ended, but for the last one that was applied of each view (its load type is
 * locked by it, and the checkpoint names it), and failures that are resolved. Safe to repeat; deletes the oldest first, and leaves the
 * rest of very many to the next call. Returns how many rows it deleted.
 */
export async function deleteOldRows(pool: pg.Pool, days: number): Promise<number> {
  return await inTransaction(pool, 'control', 'begin', async (client) => {
    const batches = await client.query(
      `delete from etl.etl_transaction where id in (
         select t.id from etl.etl_transaction t
         where t.state in ('applied', 'abandoned') and t.ended_at < now() - $1 * interval '1 day'
           and t.id < (select max(last.id) from etl.etl_transaction last where last.view_name = t.view_name)
           and not exists (select from etl.checkpoint c where c.etl_transaction_id = t.id)
           and not exists (select from etl.queued_key k where k.etl_transaction_id = t.id)
         order by t.id limit $2)`,
      [days, ROWS_AT_ONCE],
    );
    const failures = await client.query(
      `delete from etl.etl_error where id in (
         select id from etl.etl_error
         where resolved_at < now() - $1 * interval '1 day' and dead_letter_due_at is null order by id limit $2)`,
      [days, ROWS_AT_ONCE],
    );
    return (batches.rowCount ?? 0) + (failures.rowCount ?? 0);
  });
}
