import { checkpointFromJson } from '../model/checkpoint.ts';
import type { ConsistencyCheck } from '../model/consistency.ts';

/** SQL for the columns of a check, of etl.consistency_check as `c`. */
export const CHECK_COLUMNS = `c.id, c.view_name as view, c.mode, c.since_days as "sinceDays", c.repairs, c.state, c.started_at as "startedAt", c.state_at as "stateAt",
  to_char(c.target_as_of at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || ' UTC' as "targetAsOf", c.checkpoint,
  c.etl_transaction_id as "etlTransactionId", c.buckets, c.cuts, c.part_rows as "partRows", c.columns, c.parts_done as "partsDone", c.looked_at as "lookedAt",
  c.source_rows as "sourceRows", c.is_recount as "isRecount"`;

/** A row with CHECK_COLUMNS as a check. */
export function checkFromRow(row: Record<string, unknown>): ConsistencyCheck {
  const { id, view, mode, sinceDays, repairs, state, startedAt, stateAt, lookedAt, sourceRows, isRecount } =
    row;
  const isBegun = row.targetAsOf !== null;
  return {
    ...({
      id,
      view,
      mode,
      sinceDays,
      repairs,
      state,
      startedAt,
      stateAt,
      lookedAt,
      sourceRows,
      isRecount,
    } as Pick<
      ConsistencyCheck,
      | 'id'
      | 'view'
      | 'mode'
      | 'sinceDays'
      | 'repairs'
      | 'state'
      | 'startedAt'
      | 'stateAt'
      | 'lookedAt'
      | 'sourceRows'
      | 'isRecount'
    >),
    moment: isBegun
      ? {
          targetAsOf: row.targetAsOf as string,
          checkpoint: checkpointFromJson(row.checkpoint),
          etlTransactionId: row.etlTransactionId as bigint | null,
        }
      : null,
    plan: isBegun
      ? {
          buckets: row.buckets as number,
          cuts: (row.cuts as string[]).map(BigInt),
          partRows: row.partRows as number,
          columns: row.columns as string[],
          partsDone: row.partsDone as number,
        }
      : null,
  };
}
