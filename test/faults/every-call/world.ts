import { createDependencies, type Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { PostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { Installation } from '../../support/installation.ts';
import type { ViewUnderTest } from './views.ts';

/** How many rows of a view were added, changed and deleted. */
export type Changes = { added: number; changed: number; deleted: number };

const ROWS = 5;

/** An installation whose own process never meets a fault of PostgreSQL, and what the application does there. */
export class World extends Installation {
  readonly #proxy: PostgresProxy;
  #nextId = 1;

  constructor(on: Installation, proxy: PostgresProxy) {
    super();
    this.become(on);
    this.#proxy = proxy;
  }

  /** The environment of a process that reaches PostgreSQL by way of the proxy, where faults are met. */
  get env(): Record<string, string> {
    const { env } = this.parts;
    const { SOURCE_DATABASE_URL = '', CONTROL_DATABASE_URL = '' } = env;
    return {
      ...env,
      SOURCE_DATABASE_URL: this.#proxy.url(SOURCE_DATABASE_URL),
      CONTROL_DATABASE_URL: this.#proxy.url(CONTROL_DATABASE_URL),
    };
  }

  /** The dependencies of such a process that has just been started; `settings` are more of its environment. */
  newProcess(settings: Record<string, string>): Promise<Dependencies> {
    return createDependencies({ ...this.env, ...settings });
  }

  /** The rows that an initial load finds. */
  async fill({ table, fields }: ViewUnderTest): Promise<Changes> {
    for (let n = 0; n < ROWS; n += 1) {
      const id = this.#nextId++;
      await this.source.add(table, { id, ...fields(`row ${id}`) });
    }
    return { added: ROWS, changed: 0, deleted: 0 };
  }

  /** One row more, one changed, and one less, of a view that has been filled. */
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

  /** Makes one of the rows that are not loaded yet one that BigQuery cannot hold. */
  async spoil({ table }: ViewUnderTest): Promise<void> {
    await this.source.change(table, 1, { share: 'NaN' });
  }

  async mend({ table }: ViewUnderTest): Promise<void> {
    await this.source.change(table, 1, { share: '0.5' });
  }

  /** As if an hour had passed for whoever holds a view: the lease of a process that was killed runs out. */
  async letLeasesAge(): Promise<void> {
    await this.control.query(`update etl.lease set expires_at = expires_at - interval '1 hour'`);
  }

  /** As if a process that was publishing dead letters had been gone for an hour. */
  async letLettersAge(): Promise<void> {
    await this.control.query(
      `update etl.etl_error set dead_letter_due_at = dead_letter_due_at - interval '1 hour'`,
    );
  }

  /** The messages to the view's applier that nobody has taken yet, the oldest first. */
  async takeAnnouncements({ applier }: ViewUnderTest): Promise<Batch[]> {
    return (await this.mailboxes[applier].take()) as Batch[];
  }

  /** The views that ticks have asked for since this was asked last. */
  async takeFanOut(): Promise<string[]> {
    return (await this.mailboxes.extract.take()).map((event) => (event as { view: string }).view);
  }

  /** The number of the last batch that was begun. */
  async lastBatch(): Promise<string> {
    const { rows } = await this.control.query(
      'select coalesce(max(id), 0)::text as last from etl.etl_transaction',
    );
    return rows[0].last as string;
  }
}

type Batch = { view: string; etlTransactionId: string };
