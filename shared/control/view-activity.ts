import type pg from 'pg';
import { inStatement } from '../postgres/transaction.ts';

/** The rows that changed in each of the last hours, the oldest first. */
export type HourlyRows = ReadonlyMap<string, readonly number[]>;

const HOURS = 24;

/** What was applied, as the pages draw it. */
export function createViewActivity(pool: pg.Pool) {
  return {
    /** By view, for each of the last 24 hours. A view without batches is left out. */
    async hourlyRows(): Promise<HourlyRows> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select name, json_object_agg(hour, rows) as hours
         from (
           select view_name as name, date_part('hour', now() - applied_at)::int4 as hour,
             sum(rows_added + rows_changed + rows_deleted)::float8 as rows
           from etl.etl_transaction
           where applied_at > now() - $1 * interval '1 hour' and applied_at <= now()
           group by 1, 2) h
         group by name`,
        [HOURS],
      );
      return new Map(
        rows.map(({ name, hours }) => [
          name as string,
          Array.from({ length: HOURS }, (_, i) => (hours as Record<string, number>)[HOURS - 1 - i] ?? 0),
        ]),
      );
    },
  };
}
