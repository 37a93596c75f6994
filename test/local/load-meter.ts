import pg from 'pg';
import type { Amount } from './progress.ts';
import type { ViewState } from './view-states.ts';

/** A count that takes longer is not worth its load on the source. */
const COUNT_TIMEOUT_MS = 5000;

/** Measures the first load of views: how many rows of how many have left the source. Only reads. */
export class LoadMeter {
  readonly #pool: pg.Pool;
  /** Rows by view; null where counting took too long. */
  readonly #totals = new Map<string, number | null>();
  #copied = 0;
  #closed: Promise<void> | undefined;

  /** @param source the login of the role that copies: PostgreSQL shows nobody else how far a COPY is */
  constructor(source: pg.ClientConfig) {
    this.#pool = new pg.Pool({
      ...{ ...source, application_name: 'progress', max: 1 },
      statement_timeout: COUNT_TIMEOUT_MS,
    });
    this.#pool.on('error', () => undefined);
  }

  /** Rows that were copied so far. */
  get copied(): number {
    return this.#copied;
  }

  async read(states: ViewState[]): Promise<Amount> {
    for (const { name } of states) {
      if (!this.#totals.has(name)) {
        // One view at each call, so that the first answer does not wait for all of them.
        this.#totals.set(
          name,
          await this.#count(`select count(*)::float8 as rows from ${pg.escapeIdentifier(name)}`),
        );
        break;
      }
    }
    const staged = states.reduce(
      (sum, state) => sum + (state.batches > 0 ? state.added + state.changed : state.stagedRows),
      0,
    );
    const running = await this.#count(
      `select coalesce(sum(tuples_processed), 0)::float8 as rows from pg_stat_progress_copy
       where datname = current_database() and command = 'COPY TO'`,
    );
    // What a COPY has read is not counted between its end and the staging of its batch.
    this.#copied = Math.max(this.#copied, staged + (running ?? 0));
    const loaded = states.filter(({ batches }) => batches > 0).length;
    return {
      ...{ done: this.#copied, total: this.#total(states), unit: 'rows' },
      detail: `${loaded} of ${states.length} views loaded`,
    };
  }

  /** Safe to repeat. */
  async close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    await this.#closed;
  }

  #total(states: ViewState[]): number | undefined {
    const totals = states.map(({ name }) => this.#totals.get(name) ?? null);
    return totals.includes(null) ? undefined : totals.reduce((sum: number, rows) => sum + (rows ?? 0), 0);
  }

  /** Null if it takes too long, or if the role may not read it: the load itself says what is wrong. */
  async #count(query: string): Promise<number | null> {
    try {
      const { rows } = await this.#pool.query<{ rows: number }>(query);
      return rows[0]?.rows ?? null;
    } catch {
      return null;
    }
  }
}
