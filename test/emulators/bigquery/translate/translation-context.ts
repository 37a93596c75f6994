import type { Bindings, TypedValue } from '../engine.ts';

/** What a table's name stands for: the columns to read, and DuckDB's text that reads them. */
export interface Source {
  readonly columns: readonly string[];
  /** A table of DuckDB, or a query in parentheses (a view). */
  readonly sql: string;
}

export interface TranslationContext {
  /** @throws BigQueryError if there is no such table. */
  readonly source: (path: string) => Source;
  /** Values of script variables by lower-case name. They lose to columns of the same name. */
  readonly variables: ReadonlyMap<string, TypedValue>;
  /** Query parameters by lower-case name, and by position as `1`, `2`. */
  readonly parameters: ReadonlyMap<string, TypedValue>;
  /** Values of `@@name`. */
  readonly system: ReadonlyMap<string, TypedValue>;
  /** The statement's time in a form that DuckDB reads. */
  readonly now: string;
}

/** A text of DuckDB with the values that its `$name` placeholders stand for. */
export interface Translated {
  readonly sql: string;
  readonly bindings: Bindings;
}
