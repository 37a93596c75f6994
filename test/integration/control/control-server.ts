import type pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { type Control, createControl } from '../../../shared/control/control.ts';
import { migrate } from '../../../shared/control/migrate.ts';
import type { ResolvedEntry } from '../../../shared/control/view-sources.ts';
import { viewSourceEntry } from '../../../shared/model/view-source.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** A PostgreSQL server that provides new control databases. */
export class ControlServer {
  readonly #postgres: Postgres;
  readonly #pools: pg.Pool[] = [];
  #databases = 0;

  private constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  static async start(): Promise<ControlServer> {
    return new ControlServer(await startPostgres());
  }

  /** Creates an empty database and returns its URL. */
  async createEmpty(): Promise<string> {
    this.#databases += 1;
    const name = `control_${this.#databases}`;
    await this.#postgres.createDatabase(name);
    return this.#postgres.url(name);
  }

  /** Creates a control database with its schema. */
  async create(): Promise<ControlDatabase> {
    const database = new ControlDatabase(this.connect(await this.createEmpty()));
    await migrate(database.pool);
    return database;
  }

  /** Opens a pool as the functions do. */
  connect(url: string): pg.Pool {
    const config = parseConfig({
      GOOGLE_CLOUD_PROJECT: 'smart-project',
      SOURCE_DATABASE_URL: url,
      CONTROL_DATABASE_URL: url,
      STAGING_BUCKET: 'staging',
      BIGQUERY_LOCATION: 'EU',
    });
    const pool = openTestPool(config.controlDatabase, { max: 8, config });
    this.#pools.push(pool);
    return pool;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.end()));
    await this.#postgres.stop();
  }
}

/** One control database: the operations of the functions, and direct queries of its tables. */
export class ControlDatabase {
  readonly pool: pg.Pool;
  readonly control: Control;

  constructor(pool: pg.Pool) {
    this.pool = pool;
    this.control = createControl(pool);
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
