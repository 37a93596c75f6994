import type pg from 'pg';
import { until } from './until.ts';

/** The tables of the control database that grow with time. PostgreSQL reads the others as a whole while they are small. */
const HISTORY = ['etl_transaction', 'etl_error', 'job_usage', 'consistency_check', 'schema_change', 'audit'];

/**
 * Returns how many rows and index entries of the history `work` reads, as PostgreSQL counts them. A session reports what it has read when it
 * ends, so this ends all sessions before and after; the pools open new ones.
 */
export async function rowsRead(control: pg.Pool, work: () => Promise<unknown>): Promise<number> {
  const client = await control.connect();
  try {
    const before = await readSoFar(client);
    await work();
    return (await readSoFar(client)) - before;
  } finally {
    client.release();
  }
}

const OTHERS = `from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`;

async function readSoFar(client: pg.PoolClient): Promise<number> {
  // What the test itself has read on this connection.
  await client.query('select pg_stat_force_next_flush()');
  await client.query(`select pg_terminate_backend(pid) ${OTHERS}`);
  await until(async () => (await client.query(`select ${OTHERS}`)).rowCount === 0);
  const { rows } = await client.query(
    `select (select sum(seq_tup_read) from pg_stat_user_tables where relname = any ($1))::float8
       + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = any ($1))::float8 as read`,
    [HISTORY],
  );
  return rows[0].read as number;
}
