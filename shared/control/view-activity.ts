import type pg from 'pg';
import { readOnly } from '../postgres/transaction.ts';

/** The rows that changed in each of the last hours, the oldest first. */
export type HourlyRows = ReadonlyMap<string, readonly number[]>;

const HOURS = 24;

/** What was applied, as the pages draw it. */
export function createViewActivity(pool: pg.Pool) {
  return {
    /** By view, for each of the last 24 hours. A view without batches is left out. */
    async hourlyRows(): Promise<HourlyRows> {
      const { rows } = await readOnly(
        pool,
        'control',
        `select view_name as name, date_part('hour', now() - applied_at)::int4 as hour,
           sum(rows_added + rows_changed + rows_deleted)::float8 as rows
         from etl.etl_transaction
         where applied_at > now() - $1 * interval '1 hour' and applied_at <= now()
         group by 1, 2`,
        [HOURS],
      );
      const byView = new Map<string, number[]>();
      for (const { name, hour, rows: count } of rows) {
        const hours = byView.get(name) ?? Array.from({ length: HOURS }, () => 0);
        hours[HOURS - 1 - hour] = count;
        byView.set(name, hours);
      }
      return byView;
    },
  };
}
