import type { Bindings, TypedValue } from '../engine.ts';

/** The relation behind a table's name: its columns, and DuckDB's text that reads them. */
export interface Source {
  readonly columns: readonly string[];
  /** A DuckDB table, or a query in parentheses for a view. */
  readonly sql: string;
}

export interface TranslationContext {
  /** @throws BigQueryError if there is no such table. */
  readonly source: (path: string) => Source;
  /**
   * Values of script variables by lower-case name. A column of the same name takes precedence.
   * https://cloud.google.com/bigquery/docs/multi-statement-queries
   */
  readonly variables: ReadonlyMap<string, TypedValue>;
  /** Query parameters by lower-case name, and by position as `1`, `2`. */
  readonly parameters: ReadonlyMap<string, TypedValue>;
  /** Values of `@@name`. */
  readonly system: ReadonlyMap<string, TypedValue>;
  /** The time of the statement, in DuckDB's format. */
  readonly now: string;
}

/** A DuckDB text with the values of its `$name` placeholders. */
export interface Translated {
  readonly sql: string;
  readonly bindings: Bindings;
}
