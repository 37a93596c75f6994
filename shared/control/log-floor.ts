import type pg from 'pg';
import { IN_FLIGHT } from '../model/batch-states.ts';
import { inStatement } from '../postgres/transaction.ts';

/** The need for log rows that reaches back furthest. */
export type LogNeed = {
  view: string;
  /** The log rows from this id on are needed; null if they all are. */
  floorId: bigint | null;
  /** Where the log is, unquoted; null if that is not known. */
  schema: string | null;
  why: 'captures' | 'check' | 'first load';
};

const IN_FLIGHT_LIST = IN_FLIGHT.map((state) => `'${state}'`).join(', ');

/**
 * A view that is stopped or not enabled needs its log rows, too: it may go on. A batch in flight may have to be captured again, from the checkpoint that is
 * stored. A check compares later snapshots with the checkpoint of its moment. The snapshot of a first load may be older than the floors of other views.
 */
const NEEDS = `
with source as (
  select name, log_origin->>'schema' as schema from etl.view_source
  where coalesce(log_origin->>'table', $1) = $1
)
select s.name as view, n.floor_id::int8 as "floorId", s.schema, n.why
from source s cross join lateral (
  select c.floor_id, 'captures' as why from etl.checkpoint c where c.view_name = s.name
  union all
  select least((k.checkpoint->>'floorId')::int8, (k.drill->'moment'->'checkpoint'->>'floorId')::int8), 'check'
  from etl.consistency_check k where k.view_name = s.name and k.ended_at is null and k.checkpoint is not null
  union all
  select null, 'first load'
  where not exists (select from etl.checkpoint c where c.view_name = s.name)
    and (exists (select from etl.etl_transaction t where t.view_name = s.name and t.state in (${IN_FLIGHT_LIST}))
      or exists (select from etl.lease l where l.name = s.name and l.expires_at > now()))
) n
order by n.floor_id nulls first, s.name limit 1`;

/** Which log rows are still needed. */
export function createLogFloor(pool: pg.Pool) {
  return {
    /** The furthest need for rows of this log; null if no view needs any. Views that were captured from another log last count for nothing. */
    async furthestNeed(logTable: string): Promise<LogNeed | null> {
      const { rows } = await inStatement(pool, 'control', NEEDS, [logTable]);
      return (rows[0] as LogNeed | undefined) ?? null;
    },
  };
}
