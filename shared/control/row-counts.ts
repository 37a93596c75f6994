import type pg from 'pg';
import { inStatement, type Queryable } from '../postgres/transaction.ts';

/** A count is repeated after this many times its own duration: a batch of few changes must not wait for a large view more than now and then. */
const REST = 1000;

/** Different numbers of rows after a batch. */
export type RowDifference = { source: string; target: string; etlTransactionId: string };

/** Counts of the rows of views, which take time in the source. */
export function createRowCounts(pool: pg.Pool) {
  return {
    /** Whether the rows of the view may be counted again. */
    async isDue(view: string): Promise<boolean> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select source_counted_at is null or source_counted_at + source_count_ms * $2 * interval '1 millisecond' <= now() as is_due
         from etl.view_source where name = $1`,
        [view, REST],
      );
      return rows[0]?.is_due === true;
    },

    /** The rows of a merged target that are not deleted after the last applied batch, by the counts of its batches; null if they are not known. */
    async afterLastBatch(view: string): Promise<{ etlTransactionId: bigint; targetRows: bigint } | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select id as "etlTransactionId", target_rows as "targetRows" from etl.etl_transaction
         where view_name = $1 and state = 'applied' order by id desc limit 1`,
        [view],
      );
      const [last] = rows as { etlTransactionId: bigint; targetRows: bigint | null }[];
      if (last === undefined || last.targetRows === null) return null;
      return { etlTransactionId: last.etlTransactionId, targetRows: last.targetRows };
    },

    /** The numbers of rows after the last applied batch that has both, if they differ; otherwise null. */
    async difference(view: string): Promise<RowDifference | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select source_rows::text as source, target_rows::text as target, id::text as "etlTransactionId",
           source_rows <> target_rows as differs
         from etl.etl_transaction
         where view_name = $1 and state = 'applied' and source_rows is not null and target_rows is not null
         order by id desc limit 1`,
        [view],
      );
      if (rows[0]?.differs !== true) return null;
      const { source, target, etlTransactionId } = rows[0];
      return {
        source: source as string,
        target: target as string,
        etlTransactionId: etlTransactionId as string,
      };
    },
  };
}

/** Within a control transaction: records how long a count has taken. */
export async function noteCount(client: Queryable, view: string, durationMs: number): Promise<void> {
  await client.query(
    'update etl.view_source set source_counted_at = now(), source_count_ms = $2 where name = $1',
    [view, Math.ceil(durationMs)],
  );
}
