import { invalidQuery } from './error.ts';

interface Holder {
  /** Undefined for a statement outside of a transaction. */
  readonly transaction: Transaction | undefined;
  readonly released: Promise<void>;
  readonly release: () => void;
}

/**
 * Decides which transaction or statement may change the rows of a table. One at a time updates, deletes, merges or truncates; INSERT and
 * appending load jobs need no permission. A statement outside of a transaction waits for its turn. A transaction never waits: it is
 * cancelled if the table is being changed, or was changed since the transaction began.
 * https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
 * Outside of transactions BigQuery runs two such statements at a time and queues 20; the emulator runs one and queues all:
 * https://cloud.google.com/bigquery/docs/data-manipulation-language#update_delete_merge_dml_concurrency
 */
export class Mutations {
  readonly #holders = new Map<string, Holder>();
  readonly #lastChange = new Map<string, number>();
  #clock = 0;

  begin(): Transaction {
    return new Transaction(this, this.#clock);
  }

  /** Waits for permission to change a table, changes it, and passes the permission on. */
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

  /** @throws BigQueryError if the transaction is cancelled. */
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

/** A multi-statement transaction, with its permissions. */
export class Transaction {
  readonly id = crypto.randomUUID();
  /** The number of changes that were complete when it began. */
  readonly startedAt: number;
  readonly #mutations: Mutations;
  readonly #releases = new Map<string, () => void>();

  constructor(mutations: Mutations, startedAt: number) {
    this.#mutations = mutations;
    this.startedAt = startedAt;
  }

  /** Gets permission to change a table. @throws BigQueryError if another transaction or statement changes it or has changed it. */
  change(table: string): void {
    const release = this.#mutations.enter(table, this);
    if (release) this.#releases.set(table, release);
  }

  /** Called after the engine has committed or rolled back. */
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
