import type { Catalog, Table } from '../catalog.ts';
import { isoTime } from '../clock.ts';
import type { Engine, Session, TypedValue } from '../engine.ts';
import { invalid, invalidQuery, notFound, unsupported } from '../error.ts';
import type { QueryStatistics } from '../job.ts';
import type { Mutations, Transaction } from '../mutations.ts';
import { displayName, type NameDefaults, resolveTable, storageTable, type TableReference } from '../names.ts';
import type { QueryResult, Results } from '../results.ts';
import { type PastTable, pastTable } from '../translate/system-time.ts';
import { Translation } from '../translate/translate.ts';
import type { Source } from '../translate/translation-context.ts';
import { informationSchema } from './information-schema.ts';
import { type PastTables, severalTimes } from './past-tables.ts';
import type { Target } from './target.ts';

/** What all statements of the emulator share. */
export interface Warehouse {
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly mutations: Mutations;
  readonly results: Results;
}

/** The result of a statement. */
export interface Outcome {
  readonly statistics: QueryStatistics;
  /** The rows of a SELECT; other statements have none. */
  readonly result?: QueryResult;
}

/** What all statements of one script share. */
export class StatementContext {
  readonly warehouse: Warehouse;
  readonly session: Session;
  readonly defaults: NameDefaults;
  /** The location of the job, in which all its datasets must be. */
  readonly location: string;
  /** Aborts when the job must stop. */
  readonly stopSignal: AbortSignal;
  /** The parameters of the query. */
  readonly parameters: ReadonlyMap<string, TypedValue>;
  /** The values of system variables (`@@name`). */
  readonly system = new Map<string, TypedValue>();
  readonly referenced = new Map<string, TableReference>();
  /** Those of the running statement. */
  readonly past: PastTables = new Map();
  /** Whether statements are only checked. */
  readonly isDryRun: boolean;
  transaction: Transaction | undefined;
  /** The values of the visible variables of the script. */
  variables: ReadonlyMap<string, TypedValue> = new Map();

  constructor(
    warehouse: Warehouse,
    session: Session,
    settings: {
      defaults: NameDefaults;
      location: string;
      stopSignal: AbortSignal;
      parameters: ReadonlyMap<string, TypedValue>;
      isDryRun?: boolean;
    },
  ) {
    this.warehouse = warehouse;
    this.session = session;
    this.defaults = settings.defaults;
    this.location = settings.location;
    this.stopSignal = settings.stopSignal;
    this.isDryRun = settings.isDryRun ?? false;
    this.parameters = settings.parameters;
  }

  translation(variables = this.variables): Translation {
    return new Translation({
      source: (path) => this.source(path),
      variables,
      parameters: this.parameters,
      system: this.system,
      now: isoTime(this.warehouse.engine.clock.now()),
    });
  }

  /**
   * The source of rows of this name, or of the name with a time that `preparePast` gave it.
   * @throws BigQueryError notFound if it does not exist in the location of the job.
   */
  source(path: string): Source {
    const past = pastTable(path);
    if (past) return this.#pastSource(past);
    const schema = informationSchema(path, this);
    if (schema) return schema;
    const { table, storage } = this.target(path);
    const columns = table.fields.map(({ name }) => name);
    if (table.type === 'TABLE') return { columns, sql: storage };
    // A view does not see the variables and parameters of the query that reads it: https://cloud.google.com/bigquery/docs/views
    const view = new StatementContext(this.warehouse, this.session, {
      defaults: table.reference,
      location: this.location,
      stopSignal: this.stopSignal,
      parameters: new Map(),
    });
    const { sql } = view.translation().query(table.viewQuery ?? '');
    for (const reference of view.referenced.values()) this.refer(reference);
    return { columns, sql: `(${sql})` };
  }

  /** The table or view of this name. */
  target(path: string): Target {
    const table = this.table(path);
    this.refer(table.reference);
    return { table, storage: storageTable(table.reference) };
  }

  /** The table or view of this name, whose rows are not used. */
  table(path: string): Table {
    const reference = resolveTable(path, this.defaults);
    this.checkLocation(reference);
    return this.warehouse.catalog.table(reference);
  }

  /**
   * The statement uses the rows of a table as they are now.
   * @throws BigQueryError if it also reads past ones: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#for_system_time_as_of
   */
  refer(reference: TableReference): void {
    if (this.past.has(displayName(reference))) throw severalTimes(reference);
    this.referenced.set(displayName(reference), reference);
  }

  #pastSource({ path, time }: PastTable): Source {
    const { reference } = this.table(path);
    const past = this.past.get(displayName(reference));
    if (past?.time !== time) throw unsupported('FOR SYSTEM_TIME AS OF here');
    this.referenced.set(displayName(reference), reference);
    return past.source;
  }

  /** @throws BigQueryError notFound if the dataset does not exist in this location: https://cloud.google.com/bigquery/docs/locations#specify_locations */
  checkLocation(reference: { projectId: string; datasetId: string }): void {
    const dataset = this.warehouse.catalog.findDataset(reference);
    if (dataset?.location.toLowerCase() !== this.location.toLowerCase()) {
      const { projectId, datasetId } = reference;
      throw notFound(
        `Not found: Dataset ${displayName({ projectId, datasetId })} was not found in location ${this.location}`,
      );
    }
  }

  /**
   * Runs a change of rows, one at a time: see Mutations.
   * @throws BigQueryError for a table that has had an upsert stream: https://cloud.google.com/bigquery/docs/change-data-capture#limitations
   */
  async change<T>(target: Target, work: () => Promise<T>): Promise<T> {
    if (target.table.type !== 'TABLE') {
      throw invalidQuery(`${displayName(target.table.reference)} is no table`);
    }
    const name = displayName(target.table.reference);
    if (target.table.upsertStream) {
      const statements = 'DELETE/UPDATE/MERGE DMLs';
      throw invalid(`${statements} are currently not supported over tables that had UPSERT streams.`);
    }
    if (this.transaction) {
      await this.#changeInTransaction(this.transaction, name);
      return await work();
    }
    return await this.warehouse.mutations.alone(name, () => {
      // The job may have been stopped while it waited.
      this.stopSignal.throwIfAborted();
      return this.atOnce(work);
    });
  }

  /** Runs work that changes rows in the transaction of the script, or in one of its own. */
  async atOnce<T>(work: () => Promise<T>): Promise<T> {
    return this.transaction ? await work() : await this.warehouse.engine.history.change(this.session, work);
  }

  /**
   * A transaction that meets another one is cancelled and rolled back, so that an exception handler finds none that is open:
   * https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency, and #limitations
   */
  async #changeInTransaction(transaction: Transaction, table: string): Promise<void> {
    try {
      transaction.change(table);
    } catch (conflict) {
      await this.endTransaction(false);
      throw conflict;
    }
  }

  /**
   * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#begin_transaction
   * @throws BigQueryError inside a transaction.
   */
  async beginTransaction(): Promise<void> {
    if (this.transaction) throw invalidQuery('A transaction is already in progress');
    const transaction = this.warehouse.mutations.begin();
    await this.session.run('begin transaction');
    this.transaction = transaction;
  }

  /**
   * Commits or rolls back. The transaction ends even if that fails. @throws BigQueryError outside of a transaction:
   * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#commit_transaction
   */
  async endTransaction(commit: boolean): Promise<void> {
    const { transaction } = this;
    if (!transaction) throw invalidQuery('There is no active transaction');
    this.transaction = undefined;
    let committed = false;
    try {
      await (commit ? this.warehouse.engine.history.commit(this.session) : this.session.run('rollback'));
      committed = commit;
    } finally {
      transaction.end(committed);
    }
  }
}
