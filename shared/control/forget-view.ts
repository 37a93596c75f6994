import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { inStatement, inTransaction } from '../postgres/transaction.ts';
import { lockConfiguration } from './configuration-lock.ts';
import { checkLease } from './consistency-checks.ts';

/** What is removed with a view source: the numbers of its batches, recorded failures, queued keys and checks. */
export type ViewHistory = {
  target: string;
  loadType: string;
  batches: number;
  failures: number;
  queuedKeys: number;
  checks: number;
};

/** Removes a view source and all that the control database remembers of it. */
export function createForgetting(pool: pg.Pool) {
  return {
    /** What `forget` would remove. The view must exist. */
    async history(view: string): Promise<ViewHistory> {
      return await inTransaction(pool, 'control', 'begin read only', async (client) => {
        const { rows } = await client.query(
          `select target_name as target, load_type as "loadType",
             (select count(*)::int from etl.etl_transaction where view_name = v.name) as batches,
             (select count(*)::int from etl.etl_error where view_name = v.name) as failures,
             (select count(*)::int from etl.queued_key where view_name = v.name) as "queuedKeys",
             (select count(*)::int from etl.consistency_check where view_name = v.name) as checks
           from etl.view_source v where name = $1`,
          [view],
        );
        return rows[0] as ViewHistory;
      });
    },

    /** Whether a view of this name was forgotten, so that events about it may still be delivered. */
    async wasForgotten(view: string): Promise<boolean> {
      const { rowCount } = await inStatement(
        pool,
        'control',
        'select from etl.forgotten_view where name = $1',
        [view],
      );
      return rowCount !== 0;
    },

    /**
     * Removes the view source with its checkpoint, batches, queued keys, failures and checks. Its target is remembered, since a load type never
     * changes (I11). Throws `invalid_event` while a function works on the view or BigQuery may still apply a batch of it.
     */
    async forget(view: string): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await lockConfiguration(client);
        await client.query('select from etl.view_source where name = $1 for update', [view]);
        const leases = [view, checkLease(view)];
        const held = await client.query('select from etl.lease where name = any($1) and expires_at > now()', [
          leases,
        ]);
        if (held.rowCount !== 0) throw refused(view, 'a function is working on it', 'Try again in a minute.');
        const applying = await client.query(
          `select id::text from etl.etl_transaction where view_name = $1 and state = 'applying'`,
          [view],
        );
        if (applying.rows[0] !== undefined) {
          throw refused(
            view,
            `batch ${applying.rows[0].id} is being applied`,
            'Wait until it is applied. If the view is paused, resume it first.',
          );
        }
        await client.query(
          `insert into etl.former_target (target_name, view_name, load_type)
           select target_name, name, load_type from etl.view_source
           where name = $1 and exists (select from etl.etl_transaction where view_name = $1)
           on conflict (target_name) do nothing`,
          [view],
        );
        for (const table of [
          ...['checkpoint', 'queued_key', 'etl_error', 'view_retry', 'job_usage', 'etl_transaction'],
          ...['schema_change', 'consistency_check'],
        ]) {
          await client.query(`delete from etl.${table} where view_name = $1`, [view]);
        }
        await client.query('delete from etl.lease where name = any($1)', [leases]);
        await client.query('delete from etl.view_source where name = $1', [view]);
        await client.query(
          `insert into etl.forgotten_view (name) values ($1)
           on conflict (name) do update set forgotten_at = excluded.forgotten_at`,
          [view],
        );
      });
    },
  };
}

function refused(view: string, why: string, advice: string): DataHubError {
  return new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
}
