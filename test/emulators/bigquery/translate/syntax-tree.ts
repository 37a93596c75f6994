import { type ast, generate, generateDataType, parse } from '@polyglot-sql/sdk';
import { unsupported } from '../error.ts';
import { type FieldShape, parseType } from '../field.ts';

export type Expression = ast.Expression;
export type Select = ast.Select;
export type Identifier = ast.Identifier;
export type TableRef = ast.TableRef;

/** Parses one GoogleSQL statement. @throws BigQueryError for syntax that the translator does not understand. */
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

/** Prints a tree as DuckDB's SQL. Quotes every identifier, because the languages have different reserved words. */
export function print(node: Expression): string {
  const result = generate([quoteIdentifiers(node)], 'duckdb' as Parameters<typeof generate>[1]);
  const text = result.success ? result.sql?.[0] : undefined;
  if (text === undefined) throw unsupported(`this expression: ${result.error ?? ''}`);
  return text;
}

/** Returns the type of a CAST. */
export function shapeOf(type: ast.DataType): FieldShape {
  const result = generateDataType(type, 'bigquery' as Parameters<typeof generateDataType>[1]);
  if (!result.success || result.sql === undefined) throw unsupported('this type');
  return parseType(result.sql);
}

/** Makes a node that prints as this text. */
export function raw(sql: string): Expression {
  return { raw: { sql } };
}

export function identifier(name: string): Identifier {
  return { name, quoted: true, trailing_comments: [] };
}

/** Makes a call of a DuckDB function. */
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

/** `expression AS name` */
export function named(expression: Expression, name: string): Expression {
  return {
    alias: {
      this: expression,
      alias: identifier(name),
      column_aliases: [],
      alias_explicit_as: true,
      pre_alias_comments: [],
      trailing_comments: [],
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
