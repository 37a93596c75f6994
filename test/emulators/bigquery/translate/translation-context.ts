import type { Bindings, TypedValue } from '../engine.ts';

/** The meaning of a table's name: its columns, and DuckDB's text that reads them. */
export interface Source {
  readonly columns: readonly string[];
  /** A table of DuckDB, or a query in parentheses (a view). */
  readonly sql: string;
}

export interface TranslationContext {
  /** @throws BigQueryError if the table does not exist. */
  readonly source: (path: string) => Source;
  /** The values of script variables, by lower-case name. A column hides a variable of the same name. */
  readonly variables: ReadonlyMap<string, TypedValue>;
  /** The values of query parameters, by lower-case name. */
  readonly parameters: ReadonlyMap<string, TypedValue>;
  /** The values of system variables (`@@name`). */
  readonly system: ReadonlyMap<string, TypedValue>;
  /** The time of the statement in a form that DuckDB reads. */
  readonly now: string;
}

/** A text of DuckDB, with the values of its placeholders (`$name`). */
export interface Translated {
  readonly sql: string;
  readonly bindings: Bindings;
}
