import type pg from 'pg';
import { inTransaction } from '../postgres/transaction.ts';

/**
 * Leaps ahead when a number turned out to be another life's: nobody can tell how many more are, so each leap at least doubles
 * the last number.
 */
export async function skipBatchIds(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, 'control', 'begin', async (client) => {
    await client.query('lock table etl.etl_transaction in share row exclusive mode');
    await client.query(
      `select setval(sequence::regclass, last + greatest(last, 1000))
       from (select sequence, coalesce(pg_sequence_last_value(sequence::regclass), 0) as last
             from pg_get_serial_sequence('etl.etl_transaction', 'id') as sequence) s`,
    );
  });
}

/**
 * Raises the number generator above `highest`, so that a new or restored control database cannot give a batch a number that
 * the target has met (I7). Never lowers it; safe to repeat.
 */
export async function raiseBatchIds(pool: pg.Pool, highest: bigint): Promise<void> {
  await inTransaction(pool, 'control', 'begin', async (client) => {
    // Keeps numbers from being drawn between the look and the set.
    await client.query('lock table etl.etl_transaction in share row exclusive mode');
    await client.query(
      `select setval(sequence::regclass, $1) from pg_get_serial_sequence('etl.etl_transaction', 'id') as sequence
       where $1 > coalesce(pg_sequence_last_value(sequence::regclass), 0)`,
      [highest],
    );
  });
}
