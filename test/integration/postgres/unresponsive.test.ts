import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import type pg from 'pg';
import { atOnce } from '../../../shared/postgres/at-once.ts';
import { inStatement, inTransaction, onConnection } from '../../../shared/postgres/transaction.ts';
import { dropAfterEffect, pass } from '../../emulators/faults.ts';
import { type PostgresProxy, startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** The shortest time-outs that can be configured: one second for the statement, and one for the connection. */
const TIMEOUT_MS = 2_000;

describe('a connection to PostgreSQL', () => {
  let server: Postgres;
  let proxy: PostgresProxy;
  let pool: pg.Pool;

  before(async () => {
    server = await startPostgres();
    proxy = await startPostgresProxy({ port: server.port, sideOf: () => 'db' });
    pool = openTestPool(proxy.url(server.url()), {
      max: 4,
      settings: { STATEMENT_TIMEOUT_SECONDS: '1', CONNECT_TIMEOUT_SECONDS: '1' },
    });
  });
  after(async () => {
    await pool.end();
    await proxy.close();
    await server.stop();
  });

  it('I8 fails as transient when the server does not answer', async () => {
    const held = proxy.faults.holdNext('db: select');
    const startedMs = performance.now();

    await assert.rejects(inStatement(pool, 'source', 'select 1'), {
      kind: 'transient',
      message: 'source database: no answer within 2 seconds',
    });

    assert.ok(performance.now() - startedMs >= TIMEOUT_MS - 100);
    held.release();
    assert.equal((await inStatement(pool, 'source', 'select 1')).rowCount, 1);
  });

  it('does not time out while it is idle', async () => {
    const answered = await inTransaction(pool, 'source', 'begin read only', async (client) => {
      await client.query('select 1');
      await elapse(TIMEOUT_MS + 500);
      return await client.query('select 1');
    });

    assert.equal(answered.rowCount, 1);
  });

  it('I8 fails as transient when the server does not answer after a pause', async () => {
    await inStatement(pool, 'source', 'select 1');
    await elapse(TIMEOUT_MS + 500);
    const held = proxy.faults.holdNext('db: select');

    await assert.rejects(inStatement(pool, 'source', 'select 1'), { kind: 'transient' });

    held.release();
  });

  it('I8 fails as transient when the server answers only the first of two statements that are sent at once', async () => {
    proxy.faults.next('db: select', pass());
    const held = proxy.faults.holdNext('db: select');

    const both = onConnection(pool, 'source', (client) =>
      atOnce(client, () => [client.query('select 1'), client.query('select 2')]),
    );
    await assert.rejects(both, { kind: 'transient', message: 'source database: no answer within 2 seconds' });

    held.release();
  });

  it('I8 reports why it broke between two queries', async () => {
    const interrupted = inTransaction(pool, 'source', 'begin read only', async (client) => {
      const { rows } = await client.query('select pg_backend_pid() as pid');
      const broken = once(client, 'error');
      await inStatement(pool, 'source', 'select pg_terminate_backend($1)', [rows[0].pid]);
      await broken;
      await client.query('select 1');
    });

    await assert.rejects(interrupted, {
      kind: 'transient',
      message: 'source database: terminating connection due to administrator command',
    });
  });

  it('I8 fails as transient when it breaks before its session is verified, and does not end the process', async () => {
    proxy.faults.next('db: with session as ( select count(pg_catalog.set_config(key,', dropAfterEffect());
    const openingPool = openTestPool(proxy.url(server.url()), { max: 1 });

    await assert.rejects(inStatement(openingPool, 'source', 'select 1'), { kind: 'transient' });
    assert.equal((await inStatement(openingPool, 'source', 'select 1')).rowCount, 1);
    await openingPool.end();
    assert.deepEqual(proxy.faults.unused, []);
  });
});
