import type pg from 'pg';
import { inStatement, inTransaction } from '../postgres/transaction.ts';

/** The generator of batch ids, which must stay above every id that a target has met (I7). */
export function createBatchIds(pool: pg.Pool) {
  return {
    /**
     * Skips ids after one turned out to be in use by an earlier control database. Nobody knows how many more are, so each call at least
     * doubles the last id.
     */
    async skip(): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await client.query('lock table etl.etl_transaction in share row exclusive mode');
        await client.query(
          `select setval(sequence::regclass, last + greatest(last, 1000))
           from (select sequence, coalesce(pg_sequence_last_value(sequence::regclass), 0) as last
                 from pg_get_serial_sequence('etl.etl_transaction', 'id') as sequence) s`,
        );
      });
    },

    /**
     * Raises the generator above `highest`, so that a new or restored control database cannot issue an id that the target has already
     * met (I7). Never lowers it; safe to repeat.
     */
    async raise(highest: bigint): Promise<void> {
      // It never falls. The lock would wait for the transactions of all views, and they for it.
      const { rows } = await inStatement(
        pool,
        'control',
        `select coalesce(pg_sequence_last_value(sequence::regclass), 0) >= $1 as is_above
         from pg_get_serial_sequence('etl.etl_transaction', 'id') as sequence`,
        [highest],
      );
      if (rows[0]?.is_above === true) return;
      await inTransaction(pool, 'control', 'begin', async (client) => {
        // Keeps other sessions from drawing ids between the read and the update.
        await client.query('lock table etl.etl_transaction in share row exclusive mode');
        await client.query(
          `select setval(sequence::regclass, $1) from pg_get_serial_sequence('etl.etl_transaction', 'id') as sequence
           where $1 > coalesce(pg_sequence_last_value(sequence::regclass), 0)`,
          [highest],
        );
      });
    },
  };
}
