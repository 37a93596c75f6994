import { createDependencies, type Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { PostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { Installation } from '../../support/installation.ts';
import type { Damage } from './check-work.ts';
import type { ViewUnderTest } from './views.ts';

/** How many rows of a view were added, changed and deleted. */
export type Changes = { added: number; changed: number; deleted: number };

const ROWS = 5;

/** An installation whose own process reaches PostgreSQL directly, without faults, and the changes that the application makes in it. */
export class World extends Installation {
  readonly #proxy: PostgresProxy;
  #nextId = 1;

  constructor(on: Installation, proxy: PostgresProxy) {
    super();
    this.become(on);
    this.#proxy = proxy;
  }

  /** The environment of a process that reaches PostgreSQL through the proxy, which injects faults. */
  get env(): Record<string, string> {
    const { env } = this.parts;
    const { SOURCE_DATABASE_URL = '', CONTROL_DATABASE_URL = '' } = env;
    return {
      ...env,
      SOURCE_DATABASE_URL: this.#proxy.url(SOURCE_DATABASE_URL),
      CONTROL_DATABASE_URL: this.#proxy.url(CONTROL_DATABASE_URL),
    };
  }

  /** Returns the dependencies of a new process behind the proxy. `settings` are additional environment variables. */
  newProcess(settings: Record<string, string>): Promise<Dependencies> {
    return createDependencies({ ...this.env, ...settings });
  }

  /** Adds the rows for the initial load. */
  async fill({ table, fields }: ViewUnderTest): Promise<Changes> {
    for (let n = 0; n < ROWS; n += 1) {
      const id = this.#nextId++;
      await this.source.add(table, { id, ...fields(`row ${id}`) });
    }
    return { added: ROWS, changed: 0, deleted: 0 };
  }

  /** Adds, changes and deletes one row each of a view that has been filled. */
  async change({ table, fields }: ViewUnderTest): Promise<Changes> {
    const { rows } = await this.source.database.query(`select id::int4 from ${table} order by id limit 2`);
    const [oldest, next] = rows.map((row) => row.id as number);
    if (oldest === undefined || next === undefined) throw new Error(`${table} was not filled`);
    const id = this.#nextId++;
    await this.source.add(table, { id, ...fields(`row ${id}`) });
    await this.source.change(table, next, fields(`row ${next}, changed before row ${id}`));
    await this.source.delete(table, oldest);
    return { added: 1, changed: 1, deleted: 1 };
  }

  /** Changes rows as bulk updates and raw SQL do, without log rows. Returns the damage that a check must find. */
  async changeUnlogged({ table, fields }: ViewUnderTest, changes: Changes): Promise<Damage[]> {
    const { database } = this.source;
    const damage: Damage[] = [];
    const { rows } = await database.query(`select id::int4 from ${table} order by id`);
    const ids = rows.map((row) => row.id as number);
    for (const id of ids.splice(0, changes.deleted)) {
      await database.query(`delete from ${table} where id = $1`, [id]);
      damage.push({ key: String(id), kind: 'extra' });
    }
    for (const id of ids.splice(0, changes.changed)) {
      const [[column, value] = []] = Object.entries(fields(`changed before row ${this.#nextId}, not logged`));
      await database.query(`update ${table} set ${column} = $2 where id = $1`, [id, value]);
      damage.push({ key: String(id), kind: 'different' });
    }
    for (let n = 0; n < changes.added; n += 1) {
      const row = { id: this.#nextId++, ...fields('not logged') };
      const columns = Object.keys(row);
      await database.query(
        `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(row),
      );
      damage.push({ key: String(row.id), kind: 'missing' });
    }
    return damage;
  }

  /** Returns the number of rows of the view. */
  async countRows({ name }: ViewUnderTest): Promise<number> {
    const { rows } = await this.source.database.query(`select count(*)::int4 as n from ${name}`);
    return rows[0].n as number;
  }

  /** Gives the first row a value that BigQuery cannot hold. */
  async breakRow({ table }: ViewUnderTest): Promise<void> {
    await this.source.change(table, 1, { share: 'NaN' });
  }

  /** Corrects that row. */
  async correctRow({ table }: ViewUnderTest): Promise<void> {
    await this.source.change(table, 1, { share: '0.5' });
  }

  /** Lets all leases expire, as time does with the lease of a killed process. */
  async expireLeases(): Promise<void> {
    await this.control.query(`update etl.lease set expires_at = expires_at - interval '1 hour'`);
  }

  /** Makes dead letters due again that a killed process was publishing. */
  async expireDeadLetterClaims(): Promise<void> {
    await this.control.query(
      `update etl.etl_error set dead_letter_due_at = dead_letter_due_at - interval '1 hour'`,
    );
  }

  /** Takes the messages to the view's applier, oldest first. */
  async takeAnnouncements({ applier }: ViewUnderTest): Promise<Batch[]> {
    return (await this.mailboxes[applier].take()) as Batch[];
  }

  /** Takes the messages that ticks have published to extract, and returns their views. */
  async takeFanOut(): Promise<string[]> {
    return (await this.mailboxes.extract.take()).map((event) => (event as { view: string }).view);
  }

  /** Takes the events that checks and ticks have published to reconcile. */
  async takeChecks(): Promise<object[]> {
    return (await this.mailboxes.reconcile.take()) as object[];
  }

  /** Drops all messages that were published before. */
  async emptyMailboxes(): Promise<void> {
    await Promise.all(Object.values(this.mailboxes).map((mailbox) => mailbox.take()));
  }

  async hasUnfinishedCheck(): Promise<boolean> {
    const { rowCount } = await this.control.query('select from etl.consistency_check where ended_at is null');
    return rowCount !== 0;
  }

  /** Returns the highest id of a check, or 0. */
  async lastCheckId(): Promise<string> {
    const { rows } = await this.control.query(
      'select coalesce(max(id), 0)::text as last from etl.consistency_check',
    );
    return rows[0].last as string;
  }

  /** Returns the highest batch id, or 0. */
  async lastBatchId(): Promise<string> {
    const { rows } = await this.control.query(
      'select coalesce(max(id), 0)::text as last from etl.etl_transaction',
    );
    return rows[0].last as string;
  }
}

type Batch = { view: string; etlTransactionId: string };
