import { type ast, generate, generateDataType, parse } from '@polyglot-sql/sdk';
import { unsupported } from '../error.ts';
import { type FieldShape, parseType } from '../field.ts';

export type Expression = ast.Expression;
export type Select = ast.Select;
export type TableRef = ast.TableRef;

/** The tree of a statement in GoogleSQL. @throws BigQueryError for a statement that the translator does not know. */
export function parseStatement(sql: string): Expression {
  const result = parse(sql, 'bigquery' as Parameters<typeof parse>[1]);
  const statements = result.success ? (result.ast as Expression[]) : [];
  const [statement] = statements;
  if (!statement || statements.length > 1) {
    throw unsupported(
      `this statement, or it has a syntax error: ${result.error ?? 'several statements in one'}`,
    );
  }
  return statement;
}

/** The text of a tree in DuckDB's SQL. All identifiers are quoted, since DuckDB has other reserved words. */
export function print(node: Expression): string {
  const result = generate([quoteIdentifiers(node)], 'duckdb' as Parameters<typeof generate>[1]);
  const text = result.success ? result.sql?.[0] : undefined;
  if (text === undefined) throw unsupported(`this expression: ${result.error ?? ''}`);
  return text;
}

/** The type in a CAST. */
export function shapeOf(type: ast.DataType): FieldShape {
  const result = generateDataType(type, 'bigquery' as Parameters<typeof generateDataType>[1]);
  if (!result.success || result.sql === undefined) throw unsupported('this type');
  return parseType(result.sql);
}

/** A node that prints as this text. */
export function raw(sql: string): Expression {
  return { raw: { sql } };
}

/** A call of one of DuckDB's functions. */
export function call(name: string, ...args: Expression[]): Expression {
  return {
    function: {
      name,
      args,
      distinct: false,
      trailing_comments: [],
      use_bracket_syntax: false,
      no_parens: false,
      quoted: false,
    },
  };
}

function quoteIdentifiers<T>(node: T): T {
  if (Array.isArray(node)) return node.map(quoteIdentifiers) as T;
  if (node === null || typeof node !== 'object') return node;
  const entries = Object.entries(node).map(([key, value]) => [key, quoteIdentifiers(value)]);
  const copy = Object.fromEntries(entries);
  if (typeof copy.name === 'string' && copy.quoted === false && !('args' in copy)) copy.quoted = true;
  return copy;
}
