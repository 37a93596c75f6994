import type { Queryable } from '../postgres/transaction.ts';
import { logRows } from './log-table.ts';

/** A log row, without the values that it lists. */
export type LogRow = { id: bigint; at: Date; action: string; fields: string[] };

/** Reads some log rows by their ids, newest first. Log rows that were deleted are left out. */
export async function readLogRows(
  client: Queryable,
  logTable: string,
  ids: readonly bigint[],
): Promise<LogRow[]> {
  const { rows } = await client.query(
    `select l.id::int8 as id, l.date_created::timestamptz as at, l.action,
       array(select jsonb_object_keys(case when jsonb_typeof(l.changed_data) = 'object' then l.changed_data else '{}' end) order by 1)
         as fields
     from ${logRows(logTable)} l where l.id = any($1::int8[]) order by l.id desc`,
    [ids],
  );
  return rows as LogRow[];
}
