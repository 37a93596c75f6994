import type pg from 'pg';
import type { DifferenceClass } from '../model/consistency.ts';
import { inStatement } from '../postgres/transaction.ts';
import type { QueuedKind } from './queued-keys.ts';

/** A key that waits to be fetched, or that a batch in flight has taken. */
export type QueuedMention = { kind: QueuedKind; dueAt: Date; etlTransactionId: bigint | null };

/** A check after which the row of a key differed. */
export type CheckMention = {
  check: bigint;
  endedAt: Date | null;
  kind: string;
  class: DifferenceClass | null;
  isRepaired: boolean;
};

const CHECKS = 20;

/** Where the control database knows a key: only in the queue and in the differences of checks; batches do not record their keys. */
export function createKeyMentions(pool: pg.Pool) {
  return {
    /** The entries of the queue with this key, the oldest first. */
    async queued(view: string, key: string): Promise<QueuedMention[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select kind, due_at as "dueAt", etl_transaction_id as "etlTransactionId" from etl.queued_key
         where view_name = $1 and key = $2 order by id`,
        [view, key],
      );
      return rows;
    },

    /** The latest checks that found the row different, the newest first. */
    async checks(view: string, key: string): Promise<CheckMention[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select c.id as "check", c.ended_at as "endedAt", d.kind, d.class, d.is_repaired as "isRepaired"
         from etl.consistency_check c join etl.consistency_difference d on d.check_id = c.id and d.key = $2
         where c.view_name = $1 order by c.id desc limit $3`,
        [view, key, CHECKS],
      );
      return rows;
    },
  };
}
