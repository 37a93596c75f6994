import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

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

/**
 * A source for the tests of a `describe`: a server whose database `postgres` has an empty change log and what `schema` makes
 * besides. What a test connects is disconnected when it ends.
 */
export function useSource(schema: string, settings: Record<string, string> = {}): Source {
  const source = new Source();
  before(async () => {
    await source.start(schema, settings);
  });
  afterEach(() => source.disconnect());
  after(() => source.stop());
  return source;
}

/** A server of a test's own with a change log. */
export class Source {
  #started: { postgres: Postgres; pool: pg.Pool } | undefined;
  readonly #clients: pg.Client[] = [];

  async start(schema: string, settings: Record<string, string> = {}): Promise<this> {
    const postgres = await startPostgres({ settings });
    this.#started = { postgres, pool: openPool(postgres.url()) };
    await this.pool.query(CHANGE_LOG + schema);
    return this;
  }

  get #running() {
    if (this.#started === undefined) throw new Error('the source is not started');
    return this.#started;
  }

  get postgres(): Postgres {
    return this.#running.postgres;
  }

  /** The connections that the functions would have. */
  get pool(): pg.Pool {
    return this.#running.pool;
  }

  /** A connection of its own, for a writer that holds a transaction open. */
  readonly connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: this.postgres.url(), types: this.pool.options.types });
    this.#clients.push(client);
    await client.connect();
    return client;
  };

  /** Ends what `connect` opened, and with it the writers' open transactions. */
  async disconnect(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.end()));
  }

  async stop(): Promise<void> {
    if (this.#started === undefined) return;
    await this.disconnect();
    await this.pool.end();
    await this.postgres.stop();
  }
}

/** Connections made the way the functions make them. */
export const openPool = (url: string): pg.Pool => openTestPool(url, { max: 12 });
