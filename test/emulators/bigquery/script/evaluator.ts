import { BOOLEAN, type DuckDBType } from '@duckdb/node-api';
import type { Rows, TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';
import type { StatementContext } from '../statement/statement-context.ts';
import type { Fragment } from './statement.ts';

/** Values of the expressions of a script, with the variables that are visible when they are asked for. */
export class Evaluator {
  readonly #context: StatementContext;

  constructor(context: StatementContext) {
    this.#context = context;
  }

  /** `storage` is DuckDB's name of the type that the value shall have. */
  async value({ text }: Fragment, storage?: string): Promise<TypedValue> {
    const { sql, bindings } = this.#context.translation().expression(text);
    return await this.#context.session.value(
      storage ? `select cast(${sql} as ${storage})` : `select ${sql}`,
      bindings,
    );
  }

  /** NULL of one of DuckDB's types. */
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

  /** The fields of a struct, each cast to the type in its place; NULLs if the struct is NULL. */
  async fields({ text }: Fragment, types: readonly DuckDBType[]): Promise<TypedValue[]> {
    const { sql, bindings } = this.#context.translation().expression(text);
    const columns = types.map((type, index) => `cast(struct_extract_at(v, ${index + 1}) as ${type})`);
    return oneRow(
      await this.#context.session.query(`select ${columns.join(', ')} from (select ${sql} as v)`, bindings),
    );
  }

  /** The columns of a query's only row, each cast to the type in its place; NULLs if there is no row. */
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
