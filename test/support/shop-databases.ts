import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';

const sqlFile = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');

/** The small shop of shop.sql: a source that has nothing of SMartApp. */
export const SHOP = await sqlFile('shop.sql');
/** What a proposal cannot decide about it. */
export const ODDITIES = await sqlFile('shop-oddities.sql');
export const SHOP_VIEWS = ['customer_report', 'order_report', 'payment_report', 'product_report'];

export const SHOP_READER = { name: 'reader', password: 'hunter2' };
/** Lets the reader read everything that there is. */
export const READ_ALL = `grant select on all tables in schema public to ${SHOP_READER.name};
  grant select on all sequences in schema public to ${SHOP_READER.name}`;

/** A shop of a test's own: its URL as the reader, and connections as its owner. */
export type ShopDatabase = { url: string; owner: pg.Pool };

/** Starts a server for the tests of a `describe`, with any number of shops. */
export function useShopDatabases(): ShopDatabases {
  const shops = new ShopDatabases();
  before(() => shops.start());
  after(() => shops.stop());
  return shops;
}

class ShopDatabases {
  #postgres: Postgres | undefined;
  readonly #pools: pg.Pool[] = [];
  #made = 0;

  async start(): Promise<void> {
    this.#postgres = await startPostgres();
    const { name, password } = SHOP_READER;
    await this.#query('postgres', `create role ${name} login password '${password}'`);
    await this.#postgres.createDatabase('shop');
    await this.#query('shop', SHOP);
    await this.#query('postgres', 'create database odd_shop template shop');
    await this.#query('odd_shop', ODDITIES);
  }

  /** Makes a shop as its owner made it, with what the statements change; the reader may read everything. */
  async make(statements = '', from: 'shop' | 'odd_shop' = 'shop'): Promise<ShopDatabase> {
    this.#made += 1;
    const name = `shop_${this.#made}`;
    await this.#query('postgres', `create database ${name} template ${from}`);
    const owner = this.#open(name);
    await owner.query(`${statements}; ${READ_ALL}`);
    const url = this.#running.url(name, SHOP_READER.name, SHOP_READER.password);
    return { url, owner };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()));
    await this.#postgres?.stop();
  }

  get #running(): Postgres {
    if (this.#postgres === undefined) throw new Error('the server is not started');
    return this.#postgres;
  }

  #open(name: string): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.#running.url(name), max: 1 });
    pool.on('error', () => undefined);
    this.#pools.push(pool);
    return pool;
  }

  /** On a connection that is closed again, so that the database can be a template. */
  async #query(database: string, sql: string): Promise<void> {
    const client = new pg.Client(this.#running.url(database));
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}
