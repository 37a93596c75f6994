import assert from 'node:assert/strict';
import type pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { createPool } from '../../../shared/postgres/pool.ts';
import { inStatement } from '../../../shared/postgres/transaction.ts';
import { type Pooler, type PoolerOptions, startPooler } from '../../emulators/postgres/pooler.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';

describe('a connection pooler before', () => {
  let server: Postgres;
  let pooler: Pooler;
  let pool: pg.Pool;

  before(async () => {
    server = await startPostgres();
  });
  afterEach(async () => {
    await pool.end();
    await pooler.close();
  });
  after(() => server.stop());

  for (const side of ['source', 'control'] as const) {
    async function ask(options: Omit<PoolerOptions, 'url'>): Promise<pg.QueryResult> {
      pooler = await startPooler({ url: server.url(), ...options });
      const config = parseConfig({
        GOOGLE_CLOUD_PROJECT: 'smart-project',
        SOURCE_DATABASE_URL: pooler.url,
        CONTROL_DATABASE_URL: pooler.url,
        STAGING_BUCKET: 'staging',
        BIGQUERY_LOCATION: 'EU',
      });
      const refuse = (): never => assert.fail('there is no secret and no Cloud SQL');
      pool = createPool(config[`${side}Database`], {
        name: 'test',
        max: 2,
        config,
        readSecret: refuse,
        openCloudSqlSockets: refuse,
      });
      return await inStatement(pool, side, 'select 1');
    }

    const refusal = (why: string) => ({
      kind: 'configuration',
      message: `${side} database: a connection pooler, such as PgBouncer, stands before the server: ${why}`,
      advice: `Name the PostgreSQL server itself in ${side.toUpperCase()}_DATABASE_URL, often port 5432 instead of 6432: each function keeps a small pool of its own. The functions retry by themselves; resume a view that was halted.`,
    });

    describe(`the ${side} database`, () => {
      it('is a mistake in the configuration when it refuses start-up parameters', async () => {
        await assert.rejects(ask({}), refusal('unsupported startup parameter: statement_timeout'));
      });

      it('is refused when it ignores the time-outs', async () => {
        await assert.rejects(
          ask({
            ignoreStartupParameters: ['statement_timeout', 'idle_in_transaction_session_timeout', 'options'],
          }),
          refusal('it ignores the time-outs that a connection asks for'),
        );
      });

      it('is refused when it keeps the time-outs, but hands statements to changing sessions', async () => {
        await assert.rejects(
          ask({ passesParameters: true }),
          refusal('another process of the server answers than was connected'),
        );
      });
    });
  }
});
