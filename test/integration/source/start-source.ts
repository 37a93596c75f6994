import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** A source of a test's own: a server with a change log, and the connections that the functions would have. */
export type Source = {
  postgres: Postgres;
  pool: pg.Pool;
  /** A connection of its own, for a writer that holds a transaction open. */
  connect(): Promise<pg.Client>;
  /** Ends what `connect` opened, and with it the writers' open transactions. */
  disconnect(): Promise<void>;
  stop(): Promise<void>;
};

export const LOG_TABLE = 'models_logging_change';
export const CONTENT_TYPE_TABLE = 'django_content_type';

/** Content types of the tests' tables; OTHER is a type that no view is configured for. */
export const CONTENT_TYPE = { item: 7, company: 3, other: 99 } as const;

const CHANGE_LOG = `
  create table ${CONTENT_TYPE_TABLE} (id integer primary key, app_label text not null, model text not null);
  insert into ${CONTENT_TYPE_TABLE} values
    (${CONTENT_TYPE.item}, 'app', 'item'), (${CONTENT_TYPE.company}, 'app', 'company'), (${CONTENT_TYPE.other}, 'app', 'other');
  create table ${LOG_TABLE} (
    id bigserial primary key,
    date_created timestamptz not null default clock_timestamp(),
    object_id text not null,
    content_type_id integer not null,
    changed_data jsonb,
    action varchar(7) not null
  );`;

const POLL_INTERVAL_MS = 5;

/** Starts a server whose database `postgres` has an empty change log and what `schema` makes besides. */
export async function startSource(schema: string, settings: Record<string, string> = {}): Promise<Source> {
  const postgres = await startPostgres({ settings });
  const pool = openPool(postgres.url());
  await pool.query(CHANGE_LOG + schema);
  const clients: pg.Client[] = [];
  const disconnect = async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
  };
  return {
    postgres,
    pool,
    connect: async () => {
      const client = new pg.Client({ connectionString: postgres.url(), types: pool.options.types });
      clients.push(client);
      await client.connect();
      return client;
    },
    disconnect,
    stop: async () => {
      await disconnect();
      await pool.end();
      await postgres.stop();
    },
  };
}

/** Connections made the way the functions make them. */
export function openPool(url: string): pg.Pool {
  const config = parseConfig({
    GOOGLE_CLOUD_PROJECT: 'test-project',
    SOURCE_DATABASE_URL: url,
    CONTROL_DATABASE_URL: url,
    STAGING_BUCKET: 'test-bucket',
    BIGQUERY_LOCATION: 'EU',
  });
  return openTestPool(config.sourceDatabase, { max: 12, config });
}

/** Resolves when the condition (SQL) is true of the server. */
export async function until(pool: pg.Pool, condition: string, values: unknown[] = []): Promise<void> {
  while ((await pool.query(`select (${condition}) as met`, values)).rows[0].met !== true) {
    await delay(POLL_INTERVAL_MS);
  }
}
