import type { BigQuery } from '@google-cloud/bigquery';
import pg from 'pg';
import { createDependencies, type Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { Mailbox } from '../../support/mailbox.ts';
import { SampleSource } from '../../support/sample-source.ts';
import type { ViewUnderTest } from './views.ts';

type Parts = {
  env: Record<string, string>;
  /** As superusers. */
  sourceUrl: string;
  controlUrl: string;
  /** The source as the functions reach it. */
  readerUrl: string;
  bigquery: BigQuery;
  /** What was published. */
  mailboxes: Record<'extract' | 'merge' | 'stream' | 'deadLetter', Mailbox>;
  /** The address by way of the proxy, where faults are met. */
  proxied: (url: string) => string;
};

/** How many rows of a view were added, changed and deleted. */
export type Changes = { added: number; changed: number; deleted: number };

const ROWS = 5;

/** One installation of the functions, and what the application does there. */
export class World {
  readonly env: Record<string, string>;
  readonly sourceUrl: string;
  readonly bigquery: BigQuery;
  readonly control: pg.Pool;
  readonly #mailboxes: Parts['mailboxes'];
  /** Of a process that never meets a fault. */
  readonly undisturbed: Dependencies;
  readonly #sourcePool: pg.Pool;
  readonly #source: SampleSource;
  #nextId = 1;

  private constructor(parts: Parts, undisturbed: Dependencies) {
    this.env = {
      ...parts.env,
      SOURCE_DATABASE_URL: parts.proxied(parts.readerUrl),
      CONTROL_DATABASE_URL: parts.proxied(parts.controlUrl),
    };
    this.sourceUrl = parts.sourceUrl;
    this.bigquery = parts.bigquery;
    this.#mailboxes = parts.mailboxes;
    this.control = poolOf(parts.controlUrl);
    this.#sourcePool = poolOf(parts.sourceUrl);
    this.#source = new SampleSource(this.#sourcePool);
    this.undisturbed = undisturbed;
  }

  static async create(parts: Parts): Promise<World> {
    const { env, readerUrl, controlUrl } = parts;
    const direct = { ...env, SOURCE_DATABASE_URL: readerUrl, CONTROL_DATABASE_URL: controlUrl };
    return new World(parts, await createDependencies(direct));
  }

  /** The dependencies of a process that has just been started; `settings` are more of its environment. */
  newProcess(settings: Record<string, string>): Promise<Dependencies> {
    return createDependencies({ ...this.env, ...settings });
  }

  /** The rows that an initial load finds. */
  async fill({ table, fields }: ViewUnderTest): Promise<Changes> {
    for (let n = 0; n < ROWS; n += 1) {
      const id = this.#nextId++;
      await this.#source.add(table, { id, ...fields(`row ${id}`) });
    }
    return { added: ROWS, changed: 0, deleted: 0 };
  }

  /** One row more, one changed, and one less, of a view that has been filled. */
  async change({ table, fields }: ViewUnderTest): Promise<Changes> {
    const { rows } = await this.#sourcePool.query(`select id::int4 from ${table} order by id limit 2`);
    const [oldest, next] = rows.map((row) => row.id as number);
    if (oldest === undefined || next === undefined) throw new Error(`${table} was not filled`);
    const id = this.#nextId++;
    await this.#source.add(table, { id, ...fields(`row ${id}`) });
    await this.#source.change(table, next, fields(`row ${next}, changed before row ${id}`));
    await this.#source.delete(table, oldest);
    return { added: 1, changed: 1, deleted: 1 };
  }

  /** Makes one of the rows that are not loaded yet one that BigQuery cannot hold. */
  async spoil({ table }: ViewUnderTest): Promise<void> {
    await this.#source.change(table, 1, { share: 'NaN' });
  }

  async mend({ table }: ViewUnderTest): Promise<void> {
    await this.#source.change(table, 1, { share: '0.5' });
  }

  /** As if the grace period had passed since the last capture, so that the next one draws a marker. */
  async letHorizonsAge(): Promise<void> {
    await this.control.query(`
      update etl.checkpoint set horizons = (
        select coalesce(jsonb_agg(jsonb_set(h, '{atMicros}', to_jsonb(((h->>'atMicros')::int8 - 600000000)::text)) order by n), '[]')
        from jsonb_array_elements(horizons) with ordinality as e (h, n))`);
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

  /** The rows of a query to BigQuery, numbers as text. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const [rows] = await this.bigquery.query({ query: sql, wrapIntegers: true });
    return (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, textOf(cell)])),
    );
  }

  /** The messages to the view's applier that nobody has taken yet, the oldest first. */
  async takeAnnouncements({ applier }: ViewUnderTest): Promise<unknown[]> {
    return await this.#mailboxes[applier].take();
  }

  /** The views that ticks have asked for since this was asked last. */
  async takeFanOut(): Promise<string[]> {
    return (await this.#mailboxes.extract.take()).map((event) => (event as { view: string }).view);
  }

  async takeDeadLetters(): Promise<unknown[]> {
    return await this.#mailboxes.deadLetter.take();
  }

  async leave(): Promise<void> {
    const mailboxes = Object.values(this.#mailboxes);
    await Promise.all([
      this.control.end(),
      this.#sourcePool.end(),
      ...mailboxes.map((mailbox) => mailbox.close()),
    ]);
  }
}

function poolOf(connectionString: string): pg.Pool {
  return new pg.Pool({ connectionString, max: 2 });
}

/** The client wraps integers in objects that hold their text. */
function textOf(cell: unknown): string {
  return typeof cell === 'object' && cell !== null && 'value' in cell ? String(cell.value) : String(cell);
}
