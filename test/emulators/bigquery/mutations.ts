import { invalidQuery } from './error.ts';

interface Holder {
  /** The transaction, or undefined for a statement outside a transaction. */
  readonly transaction: Transaction | undefined;
  readonly released: Promise<void>;
  readonly release: () => void;
}

/**
 * Locks tables for changes of rows. One transaction or statement at a time updates, deletes, merges or truncates; INSERT and
 * appending load jobs need no lock. A statement outside a transaction waits. A transaction never waits: it is aborted when
 * the table is being changed, or was changed since the transaction began.
 * https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
 * BigQuery runs two statements at a time and queues 20:
 * https://cloud.google.com/bigquery/docs/data-manipulation-language#update_delete_merge_dml_concurrency
 */
export class Mutations {
  readonly #holders = new Map<string, Holder>();
  readonly #lastChange = new Map<string, number>();
  #clock = 0;

  begin(): Transaction {
    return new Transaction(this, this.#clock);
  }

  /** Waits for the lock on a table, changes the table, and releases the lock. */
  async alone<T>(table: string, change: () => Promise<T>): Promise<T> {
    for (let holder = this.#holders.get(table); holder; holder = this.#holders.get(table))
      await holder.released;
    const { release } = this.#hold(table, undefined);
    try {
      const result = await change();
      this.changed([table]);
      return result;
    } finally {
      release();
    }
  }

  /**
   * @throws BigQueryError if BigQuery would cancel the transaction.
   * https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
   */
  enter(table: string, transaction: Transaction): (() => void) | undefined {
    const holder = this.#holders.get(table);
    if (holder?.transaction === transaction) return undefined;
    if (holder || (this.#lastChange.get(table) ?? -1) >= transaction.startedAt) {
      throw conflict(table, transaction);
    }
    return this.#hold(table, transaction).release;
  }

  changed(tables: Iterable<string>): void {
    for (const table of tables) this.#lastChange.set(table, this.#clock);
    this.#clock += 1;
  }

  #hold(table: string, transaction: Transaction | undefined): Holder {
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const release = (): void => {
      this.#holders.delete(table);
      resolve();
    };
    const holder = { transaction, released, release };
    this.#holders.set(table, holder);
    return holder;
  }
}

/** The locks of one multi-statement transaction on the tables that it changes. */
export class Transaction {
  readonly id = crypto.randomUUID();
  /** The number of completed changes when the transaction began. */
  readonly startedAt: number;
  readonly #mutations: Mutations;
  readonly #releases = new Map<string, () => void>();

  constructor(mutations: Mutations, startedAt: number) {
    this.#mutations = mutations;
    this.startedAt = startedAt;
  }

  /** @throws BigQueryError if another transaction or statement is changing the table or has changed it. */
  change(table: string): void {
    const release = this.#mutations.enter(table, this);
    if (release) this.#releases.set(table, release);
  }

  /** Call this after the engine has committed or rolled back. */
  end(committed: boolean): void {
    if (committed) this.#mutations.changed(this.#releases.keys());
    for (const release of this.#releases.values()) release();
    this.#releases.clear();
  }
}

export function conflict(table: string, transaction: Transaction) {
  return invalidQuery(
    `Transaction is aborted due to concurrent update against table ${table}. Transaction ID: ${transaction.id}`,
  );
}
