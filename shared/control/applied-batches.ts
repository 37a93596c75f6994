import type pg from 'pg';
import { type Checkpoint, checkpointFromJson } from '../model/checkpoint.ts';
import { inStatement } from '../postgres/transaction.ts';

/** What a batch, or a check, tells of the past of a target. */
export type PastMoment = {
  /** A time at which the target had what the checkpoint covers, by the clock of the control database, as GoogleSQL writes it. */
  time: string;
  checkpoint: Checkpoint;
};

/** `etlTransactionId` is the batch that was applied then. */
export type AppliedBatch = PastMoment & { etlTransactionId: bigint };

const textOf = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || ' UTC'`;

const BATCH = `select id as "etlTransactionId", ${textOf('applied_at')} as time, next_checkpoint as checkpoint from etl.etl_transaction
  where view_name = $1 and state = 'applied' and applied_at is not null`;

const SINCE = `> now() - make_interval(days => $2)`;

/** The past of the targets, as far as the batches and checks of some days tell. */
export function createAppliedBatches(pool: pg.Pool) {
  const read = async (text: string, values: unknown[]): Promise<AppliedBatch[]> => {
    const { rows } = await inStatement(pool, 'control', text, values);
    return rows.map((row) => ({
      ...(row as Pick<AppliedBatch, 'etlTransactionId' | 'time'>),
      checkpoint: checkpointFromJson(row.checkpoint),
    }));
  };
  return {
    /** Those of the batches that were applied, whenever that was. */
    withIds: (view: string, ids: readonly bigint[]): Promise<AppliedBatch[]> =>
      read(`${BATCH} and id = any($2::bigint[])`, [view, ids]),

    /** The batches that were applied last within some days, latest first. */
    latest: (view: string, days: number, limit: number): Promise<AppliedBatch[]> =>
      read(`${BATCH} and applied_at ${SINCE} order by id desc limit $3`, [view, days, limit]),

    /** The moments within some days at which the target had every row of the view: the last complete batch, and the last check that found both sides equal. Latest first. */
    async complete(view: string, days: number): Promise<PastMoment[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `(select ${textOf('applied_at')} as time, next_checkpoint as checkpoint from etl.etl_transaction
          where view_name = $1 and state = 'applied' and is_complete and applied_at ${SINCE} order by id desc limit 1)
         union all
         (select ${textOf('target_as_of')}, checkpoint from etl.consistency_check
          where view_name = $1 and state = 'done' and is_consistent and mode <> 'since' and target_as_of ${SINCE} order by id desc limit 1)
         order by time desc`,
        [view, days],
      );
      return rows.map((row) => ({
        time: row.time as string,
        checkpoint: checkpointFromJson(row.checkpoint),
      }));
    },
  };
}
