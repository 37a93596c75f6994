import pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { MODELS } from '../smartapp/models.ts';

/** The scale of the sample database that tests read and copy. */
export const SCALE = 0.05;
export const READER_PASSWORD = "it's a 'secret'";

/** Starts a server for the tests of a `describe`. */
export function useSampleServer(): SampleServer {
  const server = new SampleServer();
  before(() => server.start());
  after(() => server.stop());
  return server;
}

/** A server with SMartApp's sample database. Tests must not change this database; those that write create a copy. */
class SampleServer {
  #started: Postgres | undefined;
  readonly #pools: pg.Pool[] = [];
  #databases = 0;

  async start(): Promise<void> {
    this.#started = await startPostgres({ settings: { track_commit_timestamp: 'on' } });
    await this.#postgres.createDatabase('smartapp');
    await createSmartApp(this.#postgres.url('smartapp'), { scale: SCALE, readerPassword: READER_PASSWORD });
  }

  get #postgres(): Postgres {
    if (this.#started === undefined) throw new Error('the server is not started');
    return this.#started;
  }

  /** Opens a pool for the sample database. */
  connect(user?: string, password?: string): pg.Pool {
    return this.#pool(this.#postgres.url('smartapp', user, password));
  }

  /** Creates an empty database, or a copy of the sample database, which must have no connections at that moment. */
  async create(from: 'nothing' | 'sample'): Promise<{ url: string; database: pg.Pool }> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    const template = from === 'sample' ? 'smartapp' : 'template0';
    await this.#pool(this.#postgres.url()).query(`create database ${name} template ${template}`);
    const url = this.#postgres.url(name);
    return { url, database: this.#pool(url) };
  }

  /** Ends all pools that tests have opened. */
  async disconnect(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.end()));
  }

  async stop(): Promise<void> {
    await this.disconnect();
    await this.#started?.stop();
  }

  #pool(connectionString: string): pg.Pool {
    const pool = new pg.Pool({ connectionString });
    pool.on('error', () => undefined);
    this.#pools.push(pool);
    return pool;
  }
}

/** Returns the number of rows of a query. */
export async function countOf(database: pg.Pool, query: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int from (${query}) as counted`);
  return rows[0]?.count ?? 0;
}

/** Returns a digest of the rows of each table. */
export async function digestsOf(database: pg.Pool): Promise<Record<string, string>> {
  const tables = [...Object.values(MODELS).map(({ table }) => table), 'models_logging_change'];
  const digests = tables.map(async (table) => {
    const { rows } = await database.query<{ digest: string }>(
      `select md5(string_agg(t::text, '|' order by id)) as digest from ${table} as t`,
    );
    return [table, rows[0]?.digest ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}
