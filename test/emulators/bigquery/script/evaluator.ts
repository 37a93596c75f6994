import { BOOLEAN, type DuckDBType } from '@duckdb/node-api';
import type { Rows, TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';
import type { StatementContext } from '../statement/statement-context.ts';
import type { Fragment } from './statement.ts';

/** Evaluates the expressions of a script, with the variables that are visible at the time. */
export class Evaluator {
  readonly #context: StatementContext;

  constructor(context: StatementContext) {
    this.#context = context;
  }

  /** `storage` is DuckDB's type for the value. */
  async value({ text }: Fragment, storage?: string): Promise<TypedValue> {
    const { sql, bindings } = this.#context.translation().expression(text);
    return await this.#context.session.value(
      storage ? `select cast(${sql} as ${storage})` : `select ${sql}`,
      bindings,
    );
  }

  /** NULL with one of DuckDB's types. */
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

  /** The fields of a struct, cast to these types; NULLs if the struct is NULL. */
  async fields({ text }: Fragment, types: readonly DuckDBType[]): Promise<TypedValue[]> {
    const { sql, bindings } = this.#context.translation().expression(text);
    const columns = types.map((type, index) => `cast(struct_extract_at(v, ${index + 1}) as ${type})`);
    return oneRow(
      await this.#context.session.query(`select ${columns.join(', ')} from (select ${sql} as v)`, bindings),
    );
  }
}

function oneRow({ types, rows: [row = []] }: Rows): TypedValue[] {
  return types.map((type, index) => ({ type, value: row[index] ?? null }));
}
