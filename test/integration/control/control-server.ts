import type pg from 'pg';
import { type Control, createControl } from '../../../shared/control/control.ts';
import { migrate } from '../../../shared/control/migrate.ts';
import type { ResolvedEntry } from '../../../shared/control/view-source-row.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** A server for the tests of a `describe`. */
export function useControlServer(): ControlServer {
  const server = new ControlServer();
  before(() => server.start());
  after(() => server.stop());
  return server;
}

/** A control database with these views: a new one for every test, or one for all of them. */
export function useControl({
  per = 'file',
  views = [],
}: {
  per?: 'test' | 'file';
  views?: string[];
} = {}): ControlDatabase {
  const server = useControlServer();
  const database = new ControlDatabase();
  const create = async () => {
    const pool = server.connect(await server.createEmpty());
    await migrate(pool);
    database.open(pool);
    await database.control.viewSources.import(views.map((view) => viewEntry(view)));
  };
  if (per === 'test') beforeEach(create);
  else before(create);
  return database;
}

/** A PostgreSQL server for control databases, each of which is new. */
export class ControlServer {
  #started: Postgres | undefined;
  readonly #pools: pg.Pool[] = [];
  #databases = 0;

  async start(): Promise<void> {
    this.#started = await startPostgres();
  }

  get #postgres(): Postgres {
    if (this.#started === undefined) throw new Error('the server is not started');
    return this.#started;
  }

  /** Creates an empty database and returns its URL. */
  async createEmpty(): Promise<string> {
    this.#databases += 1;
    const name = `control_${this.#databases}`;
    await this.#postgres.createDatabase(name);
    return this.#postgres.url(name);
  }

  /** A pool as the functions have it. */
  connect(url: string): pg.Pool {
    const pool = openTestPool(url, { max: 8 });
    this.#pools.push(pool);
    return pool;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.end()));
    await this.#started?.stop();
  }
}

/** One control database: the operations of the functions, and direct queries of its tables. */
export class ControlDatabase {
  #opened: { pool: pg.Pool; control: Control } | undefined;

  open(pool: pg.Pool): void {
    this.#opened = { pool, control: createControl(pool) };
  }

  get #current() {
    if (this.#opened === undefined) throw new Error('there is no control database before the first test');
    return this.#opened;
  }

  get pool(): pg.Pool {
    return this.#current.pool;
  }

  get control(): Control {
    return this.#current.control;
  }

  /** Returns the rows of a query, with 64-bit numbers as bigint. */
  async rows(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const { rows } = await this.pool.query(sql, values);
    return rows;
  }

  /** Returns the only value of the only row. */
  async value(sql: string, values: unknown[] = []): Promise<unknown> {
    const [row] = await this.rows(sql, values);
    return Object.values(row ?? {})[0];
  }

  /** Makes the lease expire by the database's clock, the only clock that counts. */
  async expireLease(view: string): Promise<void> {
    await this.pool.query(`update etl.lease set expires_at = now() - interval '1 second' where name = $1`, [
      view,
    ]);
  }
}

/** A minimal view source for tests. */
export function viewEntry(name: string, given: Record<string, unknown> = {}): ResolvedEntry {
  const entry = viewSourceEntry.parse({
    name,
    target_name: name.replace(/^pmr_/, ''),
    main_table: `app_${name}`,
    app_label: 'app',
    model: name,
    key_column: 'id',
    load_type: 'merge',
    ...given,
  });
  return { ...entry, content_type_id: entry.content_type_id ?? 7 };
}
