import { BOOLEAN, type DuckDBType } from '@duckdb/node-api';
import type { Rows, TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';
import type { StatementContext } from '../statement/statement-context.ts';
import type { Fragment } from './statement.ts';

/** Evaluates the expressions of a script with the variables that are currently visible. */
export class Evaluator {
  readonly #context: StatementContext;

  constructor(context: StatementContext) {
    this.#context = context;
  }

  /** Evaluates an expression. `storage` is the DuckDB type to cast the value to. */
  async value({ text }: Fragment, storage?: string): Promise<TypedValue> {
    const { sql, bindings } = this.#context.translation().expression(text);
    return await this.#context.session.value(
      storage ? `select cast(${sql} as ${storage})` : `select ${sql}`,
      bindings,
    );
  }

  /** Returns NULL with a DuckDB type. */
  async null(storage: string): Promise<TypedValue> {
    return await this.#context.session.value(`select cast(null as ${storage})`);
  }

  /** @throws BigQueryError unless the condition is a BOOL; NULL is not true. */
  async isTrue(condition: Fragment): Promise<boolean> {
    const { type, value } = await this.value(condition);
    if (type.typeId !== BOOLEAN.typeId && value !== null) {
      throw invalidQuery(`Expected a BOOL: ${condition.text}`);
    }
    return value === true;
  }

  /** Returns the fields of a struct, each cast to the type at its position; NULLs if the struct is NULL. */
  async fields({ text }: Fragment, types: readonly DuckDBType[]): Promise<TypedValue[]> {
    const { sql, bindings } = this.#context.translation().expression(text);
    const columns = types.map((type, index) => `cast(struct_extract_at(v, ${index + 1}) as ${type})`);
    return oneRow(
      await this.#context.session.query(`select ${columns.join(', ')} from (select ${sql} as v)`, bindings),
    );
  }

  /**
   * Returns the columns of a query's only row, each cast to the type at its position; NULLs if there is no row.
   * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#execute_immediate
   */
  async columns(query: string, types: readonly DuckDBType[]): Promise<TypedValue[]> {
    const { sql, bindings, names } = this.#context.translation().query(query);
    if (names.length !== types.length) {
      throw invalidQuery(`${types.length} variables cannot take ${names.length} columns`);
    }
    const list = names.map((_, index) => `c${index}`).join(', ');
    const columns = types.map((type, index) => `cast((select c${index} from q) as ${type})`);
    return oneRow(
      await this.#context.session.query(
        `with q(${list}) as materialized (${sql}) select ${columns.join(', ')}`,
        bindings,
      ),
    );
  }
}

function oneRow({ types, rows: [row = []] }: Rows): TypedValue[] {
  return types.map((type, index) => ({ type, value: row[index] ?? null }));
}
