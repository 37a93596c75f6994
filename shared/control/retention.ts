import type pg from 'pg';
import type { State } from '../model/batch-states.ts';
import { atOnce } from '../postgres/at-once.ts';
import { inTransaction } from '../postgres/transaction.ts';

/** A limit, so that a tick never waits long for the deletion. */
const ROWS_AT_ONCE = 10_000;
/** Each has up to 20,000 rows that differ. */
const CHECKS_AT_ONCE = 10;
/** Who did what must be known after a year, too. */
const AUDIT_DAYS = 400;
/** The status of a view shows the cost of this many days. */
const SHOWN_DAYS = 8;

/** Deletes what is older than it must be kept. */
export function createRetention(pool: pg.Pool) {
  return {
    /**
     * Deletes batches and checks that ended, failures that were resolved and changes of views that were found more than `days` ago. Keeps the
     * last batch of each view that has ended, which locks its load type, any batch that a checkpoint or a queued key refers to, and the last
     * check of each view, and the audit for 400 days at least. Deletes the oldest rows first, up to a limit; the next call deletes more. Safe to repeat. Returns the number of
     * deleted rows.
     */
    async deleteOldRows(days: number): Promise<number> {
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        const deleted = await atOnce(client, () => [
          client.query(
            `delete from etl.etl_transaction where id = any(array(
             select id from (
               (${endedBatches('applied', 'applied_at')}) union all (${endedBatches('abandoned', 'ended_at')})) t
             order by id limit $2))`,
            [days, ROWS_AT_ONCE],
          ),
          client.query(
            `delete from etl.etl_error where id = any(array(
             select id from etl.etl_error
             where resolved_at < now() - $1 * interval '1 day' and dead_letter_due_at is null order by resolved_at, id limit $2))`,
            [days, ROWS_AT_ONCE],
          ),
          client.query(
            `delete from etl.job_usage where job_id = any(array(
             select job_id from etl.job_usage where ended_at < now() - $1 * interval '1 day' order by ended_at limit $2))`,
            [Math.max(days, SHOWN_DAYS), ROWS_AT_ONCE],
          ),
          client.query(
            `delete from etl.schema_change where id = any(array(
             select id from etl.schema_change where detected_at < now() - $1 * interval '1 day' order by detected_at limit $2))`,
            [days, ROWS_AT_ONCE],
          ),
          client.query(
            `delete from etl.consistency_check where id = any(array(
             select c.id from etl.consistency_check c
             where c.ended_at < now() - $1 * interval '1 day'
               and c.id < (select max(last.id) from etl.consistency_check last where last.view_name = c.view_name and last.ended_at is not null)
             order by c.ended_at limit $2))`,
            [days, CHECKS_AT_ONCE],
          ),
          // Pub/Sub has dropped their events long before.
          client.query(`delete from etl.forgotten_view where forgotten_at < now() - $1 * interval '1 day'`, [
            Math.max(days, SHOWN_DAYS),
          ]),
          client.query(
            `delete from etl.audit where id = any(array(
             select id from etl.audit where requested_at < now() - $1 * interval '1 day' order by requested_at limit $2))`,
            [Math.max(days, AUDIT_DAYS), ROWS_AT_ONCE],
          ),
        ]);
        return deleted.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
      });
    },
  };
}

/** SQL for the oldest batches in a state that may be deleted, in the order of an index. Parameters: days, and how many at most. */
const endedBatches = (state: State, time: string): string => `
  select t.id from etl.etl_transaction t
  where t.state = '${state}' and t.${time} < now() - $1 * interval '1 day'
    and t.id < (select max(last.id) from etl.etl_transaction last where last.view_name = t.view_name and last.ended_at is not null)
    and not exists (select from etl.checkpoint c where c.etl_transaction_id = t.id)
    and not exists (select from etl.queued_key k where k.etl_transaction_id = t.id)
  order by t.${time} limit $2`;
