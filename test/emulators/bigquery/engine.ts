import { readFile } from 'node:fs/promises';
import {
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  DuckDBListType,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { Clock } from './clock.ts';
import { parseDuckDbError } from './engine-error.ts';
import { BigQueryError, invalidQuery } from './error.ts';
import { quoted } from './field.ts';
import { History, type HistoryLimits } from './history.ts';

/** A value and its DuckDB type. */
export interface TypedValue {
  readonly type: DuckDBType;
  readonly value: DuckDBValue;
}

export interface Rows {
  readonly names: readonly string[];
  readonly types: readonly DuckDBType[];
  readonly rows: readonly (readonly DuckDBValue[])[];
}

export type Bindings = Readonly<Record<string, TypedValue>>;

/** A column of a table that is filled from memory. */
export interface FilledColumn {
  readonly name: string;
  readonly type: DuckDBType;
  /** All columns have the same number of values. */
  readonly values: readonly DuckDBValue[];
}

/** The number of rows in a chunk of DuckDB. */
const CHUNK_ROWS = 2048;

const MEMORY_LIMIT = '1GB';

/** DuckDB forgets an interruption that comes before the statement begins, so it is repeated. */
const INTERRUPT_EVERY_MS = 20;

/** DuckDB, with the functions that translated GoogleSQL calls. */
export class Engine {
  readonly clock = new Clock();
  readonly history: History;
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance, limits?: Partial<HistoryLimits>) {
    this.#instance = instance;
    this.history = new History(this, limits);
  }

  /** Without a path, the data live in memory. The folder takes temporary data that do not fit into memory. */
  static async open(
    temporaryFolder: string,
    path = ':memory:',
    limits?: Partial<HistoryLimits>,
  ): Promise<Engine> {
    const instance = await DuckDBInstance.create(path, {
      // https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#order_by_clause
      default_null_order: 'nulls_first_on_asc_last_on_desc',
      errors_as_json: 'true',
      memory_limit: MEMORY_LIMIT,
      temp_directory: temporaryFolder,
    });
    const connection = await instance.connect();
    await connection.run("set global TimeZone = 'UTC'");
    await connection.run(await readFile(new URL('translate/functions.sql', import.meta.url), 'utf8'));
    connection.closeSync();
    return new Engine(instance, limits);
  }

  async connect(): Promise<Session> {
    return new Session(await this.#instance.connect());
  }

  /** Runs work on a connection of its own, which is closed in any case. */
  async with<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.connect();
    try {
      return await work(session);
    } finally {
      session.close();
    }
  }

  async close(): Promise<void> {
    await this.history.close();
    this.#instance.closeSync();
  }
}

/** One connection, with its transaction and its temporary tables. Statements run one after the other. */
export class Session {
  readonly #connection: DuckDBConnection;
  #open = true;
  #rewrittenRows = 0;
  #interrupting: NodeJS.Timeout | undefined;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** @throws BigQueryError with the message of the engine in BigQuery's words. */
  async query(sql: string, bindings: Bindings = {}): Promise<Rows> {
    const reader = await this.#translated(() =>
      this.#connection.runAndReadAll(sql, values(bindings), types(bindings)),
    );
    return { names: reader.columnNames(), types: reader.columnTypes(), rows: reader.getRows() };
  }

  /** The only value of the only row. */
  async value(sql: string, bindings: Bindings = {}): Promise<TypedValue> {
    const {
      types: [type],
      rows,
    } = await this.query(sql, bindings);
    const value = rows[0]?.[0];
    if (!type || value === undefined || rows.length > 1) {
      // https://cloud.google.com/bigquery/docs/reference/standard-sql/subqueries#scalar_subquery_concepts
      throw invalidQuery('Scalar subquery produced more than one element');
    }
    return { type, value };
  }

  /** The number of rows that a statement changed. */
  async run(sql: string, bindings: Bindings = {}): Promise<number> {
    const { rowsChanged } = await this.#translated(() =>
      this.#connection.run(sql, values(bindings), types(bindings)),
    );
    if (!sql.startsWith('insert into')) this.#rewrittenRows += rowsChanged;
    return rowsChanged;
  }

  /** The rows that statements updated, deleted or merged since the last call. */
  takeRewrittenRows(): number {
    const rows = this.#rewrittenRows;
    this.#rewrittenRows = 0;
    return rows;
  }

  /** The rows of a query with one text column, in batches. Only one batch is in memory. */
  async *texts(sql: string, bindings: Bindings = {}): AsyncGenerator<readonly string[]> {
    const result = await this.#translated(() =>
      this.#connection.stream(sql, values(bindings), types(bindings)),
    );
    for (;;) {
      const chunk = await this.#translated(() => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk.getColumnValues(0).map(String);
    }
  }

  /** Creates or replaces a temporary table with these columns and rows. */
  async fillTemporaryTable(name: string, columns: readonly FilledColumn[]): Promise<void> {
    const definitions = columns.map((column) => `${quoted(column.name)} ${column.type}`);
    await this.run(`create or replace temporary table ${quoted(name)} (${definitions.join(', ')})`);
    const appender = await this.#connection.createAppender(name, 'main', 'temp');
    const types = columns.map(({ type }) => type);
    const rows = columns[0]?.values.length ?? 0;
    for (let start = 0; start < rows; start += CHUNK_ROWS) {
      const chunk = DuckDBDataChunk.create(types, Math.min(CHUNK_ROWS, rows - start));
      chunk.setColumns(columns.map(({ values }) => values.slice(start, start + CHUNK_ROWS)));
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
  }

  /** Adds the chunks of rows that `work` hands over to a table, within the open transaction. */
  async append<T>(
    { schema, table }: { schema: string; table: string },
    types: readonly DuckDBType[],
    work: (add: (columns: readonly DuckDBValue[][]) => void) => Promise<T>,
  ): Promise<T> {
    const appender = await this.#connection.createAppender(table, schema);
    return await this.#translated(async () => {
      try {
        return await work((columns) => {
          const chunk = DuckDBDataChunk.create(types, columns[0]?.length ?? 0);
          chunk.setColumns(columns);
          appender.appendDataChunk(chunk);
        });
      } catch (error) {
        // Closing would add the rows that the appender still has, also after the transaction.
        appender.clear();
        throw error;
      } finally {
        appender.closeSync();
      }
    });
  }

  /** Creates or replaces a temporary table with the columns and rows of a query of another session. */
  async copyToTemporaryTable(name: string, source: Session, sql: string): Promise<void> {
    const result = await source.#translated(() => source.#connection.stream(sql));
    const types = result.columnTypes();
    const definitions = result
      .columnNames()
      .map((column, index) => `${quoted(column)} ${types[index] && typeName(types[index])}`);
    await this.run(`create or replace temporary table ${quoted(name)} (${definitions.join(', ')})`);
    const appender = await this.#connection.createAppender(name, 'main', 'temp');
    try {
      for (;;) {
        const chunk = await source.#translated(() => result.fetchChunk());
        if (!chunk || chunk.rowCount === 0) return;
        appender.appendDataChunk(chunk);
      }
    } finally {
      appender.closeSync();
    }
  }

  /** The names and types of the columns of a query, which does not run. */
  async describe(sql: string, bindings: Bindings = {}): Promise<Omit<Rows, 'rows'>> {
    return await this.query(`select * from (${sql}) limit 0`, bindings);
  }

  /** Runs work in a transaction, which `commit` ends. */
  async transaction<T>(
    work: () => Promise<T>,
    commit: () => Promise<unknown> = () => this.run('commit'),
  ): Promise<T> {
    await this.run('begin transaction');
    try {
      const result = await work();
      await commit();
      return result;
    } catch (error) {
      await this.run('rollback');
      throw error;
    }
  }

  /** Stops the running statement, or the next one: its caller gets a BigQueryError `stopped`. */
  interrupt(): void {
    if (!this.#open) return;
    this.#connection.interrupt();
    this.#interrupting ??= setInterval(() => this.#connection.interrupt(), INTERRUPT_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#interrupting);
    if (this.#open) this.#connection.closeSync();
    this.#open = false;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Later statements, such as a rollback, must run.
      clearInterval(this.#interrupting);
      this.#interrupting = undefined;
      if (error instanceof BigQueryError || !(error instanceof Error)) throw error;
      throw parseDuckDbError(error);
    }
  }
}

function values(bindings: Bindings): Record<string, DuckDBValue> {
  return Object.fromEntries(Object.entries(bindings).map(([name, { value }]) => [name, value]));
}

function types(bindings: Bindings): Record<string, DuckDBType> {
  return Object.fromEntries(Object.entries(bindings).map(([name, { type }]) => [name, type]));
}

/** JSON is text under another name, also in a list. */
const typeName = (type: DuckDBType): string =>
  type instanceof DuckDBListType ? `${typeName(type.valueType)}[]` : (type.alias ?? String(type));
