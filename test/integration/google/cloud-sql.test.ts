import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { Connector } from '@google-cloud/cloud-sql-connector';
import type pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { createCloudSqlConnector } from '../../../shared/google/clients.ts';
import { createCloudSqlSockets } from '../../../shared/google/cloud-sql-sockets.ts';
import { once } from '../../../shared/once.ts';
import { createPool } from '../../../shared/postgres/pool.ts';
import { inStatement } from '../../../shared/postgres/transaction.ts';
import { type CloudSqlStandIn, startCloudSql } from '../../emulators/cloud-sql/start-cloud-sql.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';

describe("a database in Cloud SQL, through Google's own connector", () => {
  let postgres: Postgres;
  let cloudSql: CloudSqlStandIn;
  let pool: pg.Pool;
  let connector: Connector | undefined;

  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());
  beforeEach(async () => {
    cloudSql = await startCloudSql(postgres.port, ownLoopbackAddress());
    process.env.CLOUD_SQL_ADMIN_EMULATOR_HOST = cloudSql.host;
  });
  afterEach(async () => {
    delete process.env.CLOUD_SQL_ADMIN_EMULATOR_HOST;
    await pool.end();
    connector?.close();
    await cloudSql.close();
  });

  const ask = async (instance: string, settings: Record<string, string> = {}) => {
    const config = parseConfig({
      GOOGLE_CLOUD_PROJECT: 'smart-project',
      // This host does not exist: only the connector knows the address of the instance, and it encrypts.
      SOURCE_DATABASE_URL: postgres.url().replace('127.0.0.1', 'nowhere.example'),
      SOURCE_CLOUD_SQL_INSTANCE: instance,
      CONTROL_DATABASE_URL: postgres.url(),
      STAGING_BUCKET: 'staging',
      BIGQUERY_LOCATION: 'EU',
      ...settings,
    });
    pool = createPool(config.sourceDatabase, {
      name: 'test',
      max: 2,
      config,
      readSecret: () => assert.fail('a secret was requested'),
      openCloudSqlSockets: createCloudSqlSockets(
        once(async () => {
          connector = await createCloudSqlConnector();
          return connector;
        }),
        config.callTimeoutSeconds,
      ),
    });
    const { rows } = await inStatement(pool, 'source', 'select current_user as name');
    return rows[0].name as string;
  };

  it('is reached at the address that the connector finds, encrypted, as the user in the URL', async () => {
    assert.equal(await ask(cloudSql.instance), 'postgres');
    assert.equal(cloudSql.connections(), 1);
  });

  it('refuses a wrong password', async () => {
    await assert.rejects(
      ask(cloudSql.instance, {
        SOURCE_DATABASE_URL: postgres.url('postgres', 'postgres', 'wrong'),
      }),
      { kind: 'unauthorized', message: /password authentication failed/ },
    );
    assert.equal(cloudSql.connections(), 1);
  });

  it('refuses a caller without permission to connect, and the advice names the missing role', async () => {
    cloudSql.forbid();

    await assert.rejects(ask(cloudSql.instance), {
      kind: 'unauthorized',
      message: /^source database: Cloud SQL instance smart-project:europe-west1:main: /,
      advice: /roles\/cloudsql\.client/,
    });
  });

  for (const [what, instance, settings] of [
    ['an instance that does not exist', 'smart-project:europe-west1:other', {}],
    ['an instance in another region', 'smart-project:us-east1:main', {}],
    [
      'an address type that the instance does not have',
      'smart-project:europe-west1:main',
      { SOURCE_CLOUD_SQL_IP_TYPE: 'PRIVATE' },
    ],
  ] as const) {
    it(`names the variables to check for ${what}`, async () => {
      await assert.rejects(ask(instance, settings), {
        kind: 'environment',
        message: new RegExp(`Cloud SQL instance ${instance}`),
        advice: /SOURCE_CLOUD_SQL_INSTANCE or SOURCE_CLOUD_SQL_IP_TYPE/,
      });
    });
  }
});

/** The proxy's port is fixed, so two runs on one machine need an address each. Only Linux offers several loopback addresses by default. */
function ownLoopbackAddress(): string {
  return process.platform === 'linux' ? `127.${randomInt(1, 255)}.${randomInt(255)}.1` : '127.0.0.1';
}
