import type pg from 'pg';
import { BucketSums } from '../model/buckets.ts';
import { checkpointToJson } from '../model/checkpoint.ts';
import type { ComparisonPlan, Moment } from '../model/consistency.ts';
import { inStatement } from '../postgres/transaction.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';

/** The sums of a check, as far as they have been read. */
export type Look = { moment: Moment; plan: ComparisonPlan; sums: BucketSums };

/** The first look of a check: the sums of the source, part by part. A method that gets a lease throws `superseded` when that is lost. */
export function createFirstLooks(pool: pg.Pool) {
  return {
    /** Records what the first look compares, or another moment if it begins again. */
    async startLook(lease: Lease, id: bigint, { moment, plan }: Omit<Look, 'sums'>): Promise<void> {
      const { targetAsOf, checkpoint, etlTransactionId } = moment;
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query(
          `update etl.consistency_check
           set target_as_of = $2, checkpoint = $3, etl_transaction_id = $4, buckets = $5, cuts = $6, part_rows = $7, columns = $8,
             parts_done = 0, source_sums = '[]', drill = null, drill_queued_keys = null, drill_parts = null, drill_parts_done = 0,
             missing = null, extra = null, different = null, duplicates = null
           where id = $1 and state = 'comparing'`,
          [
            id,
            targetAsOf,
            checkpointToJson(checkpoint),
            etlTransactionId,
            plan.buckets,
            JSON.stringify(plan.cuts.map(String)),
            plan.partRows,
            JSON.stringify(plan.columns),
          ],
        );
        await client.query('delete from etl.consistency_difference where check_id = $1', [id]);
      });
    },

    /** Records how many parts of the source have been read, and their sums. */
    async notePart(lease: Lease, id: bigint, { plan, sums }: Pick<Look, 'plan' | 'sums'>): Promise<void> {
      await inLeasedTransaction(pool, lease, (client) =>
        client.query(
          `update etl.consistency_check set parts_done = $2, source_sums = $3, source_rows = $4
           where id = $1 and state = 'comparing'`,
          [id, plan.partsDone, JSON.stringify(sums), sums.rows],
        ),
      );
    },

    /** The sums of the parts that have been read. */
    async sums(id: bigint): Promise<BucketSums> {
      const { rows } = await inStatement(
        pool,
        'control',
        'select source_sums from etl.consistency_check where id = $1',
        [id],
      );
      return BucketSums.fromJson(rows[0].source_sums);
    },

    /** Records what the first look has read. */
    async noteLook(
      lease: Lease,
      id: bigint,
      { sourceRows, targetRows, pending }: { sourceRows: number; targetRows: number; pending: number },
    ): Promise<void> {
      await inLeasedTransaction(pool, lease, (client) =>
        client.query(
          'update etl.consistency_check set source_rows = $2, target_rows = $3, pending = $4 where id = $1',
          [id, sourceRows, targetRows, pending],
        ),
      );
    },
  };
}
