import type pg from 'pg';
import type { Kind } from '../model/batch.ts';
import { inStatement } from '../postgres/transaction.ts';

/** An applied batch that carried a row, or may have. */
export type CarryingBatch = { id: string; kind: Kind; startedAt: Date; appliedAt: Date };

/** `etlTransactionId` is the batch that has taken the key; null if none has. */
export type QueuedKey = { kind: 'repair' | 'backfill'; dueAt: Date; etlTransactionId: string | null };

/** A log row, and the time that it has by itself. */
export type LoggedAt = { id: bigint; at: Date };

/**
 * The application's clock may be ahead of that of the control database, and a log row gets its time before its transaction commits. A batch that
 * began so long before a log row does not cover it.
 */
const CLOCK_SKEW = `interval '1 hour'`;

/** The batches that carried a row, as far as the batches that are kept tell. */
export function createRowBatches(pool: pg.Pool) {
  return {
    /** One applied batch of the view; null if it is not kept any more. */
    async applied(view: string, id: bigint): Promise<CarryingBatch | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select id::text, kind, started_at as "startedAt", applied_at as "appliedAt" from etl.etl_transaction
         where id = $2 and view_name = $1 and state = 'applied'`,
        [view, id],
      );
      return (rows[0] as CarryingBatch | undefined) ?? null;
    },

    /** Why batches must fetch the key whatever the log says, and which batch has taken it; the first due first. */
    async queued(view: string, key: string): Promise<QueuedKey[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select kind, due_at as "dueAt", etl_transaction_id::text as "etlTransactionId" from etl.queued_key
         where view_name = $1 and key = $2 order by due_at, id limit 10`,
        [view, key],
      );
      return rows as QueuedKey[];
    },

    /**
     * For each log row the first applied batch of the view whose captured ranges cover it. A log row is left out if no such batch is kept, or if
     * an older batch, which is not kept any more, may have been the first.
     */
    async covering(view: string, logRows: readonly LoggedAt[]): Promise<Map<bigint, CarryingBatch>> {
      const { rows } = await inStatement(pool, 'control', COVERING, [
        view,
        logRows.map(({ id }) => id),
        logRows.map(({ at }) => at),
      ]);
      return new Map(
        rows.map(({ logId, ...batch }) => [logId as bigint, batch as unknown as CarryingBatch] as const),
      );
    },
  };
}

/** The condition that the checkpoint of batch `t` covers log row `l`. */
const COVERS = `((t.next_checkpoint->>'floorId')::int8 >= l.id or (t.next_checkpoint->>'seen')::int8multirange @> l.id)`;

/** Parameters: the view, and ids and times of log rows. Reads the batches from the time of a log row on, until one covers it. */
const COVERING = `
select l.id as "logId", b.id::text, b.kind, b.started_at as "startedAt", b.applied_at as "appliedAt"
from unnest($2::int8[], $3::timestamptz[]) as l (id, at) cross join lateral (
  select t.id, t.kind, t.started_at, t.applied_at from etl.etl_transaction t
  where t.view_name = $1 and t.applied_at > l.at - ${CLOCK_SKEW} and t.state = 'applied' and ${COVERS}
  order by t.applied_at limit 1
) b
where b.kind = 'initial' or exists (
  select from etl.etl_transaction t
  where t.view_name = $1 and t.state = 'applied' and t.applied_at < b.applied_at
    and t.id = (select max(e.id) from etl.etl_transaction e where e.view_name = $1 and e.state = 'applied' and e.id < b.id)
    and not ${COVERS})`;
