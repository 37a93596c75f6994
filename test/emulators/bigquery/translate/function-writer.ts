import { invalidQuery } from '../error.ts';
import { type Expression, print } from './syntax-tree.ts';

/** Writes DuckDB's text for a call, from its translated arguments. `now` is the time of the statement. */
export type Writer = (args: readonly Expression[], now: string) => string;

/** DuckDB's texts of arguments. */
export const texts = (args: readonly Expression[]): string[] => args.map(print);

/** A function with this name in DuckDB. */
export const named =
  (name: string): Writer =>
  (args) =>
    `${name}(${texts(args).join(', ')})`;

/** The length of a name or a literal, which may stand in a text several times. */
const MAX_REPEATED = 30;

/**
 * A call of a macro of functions.sql. DuckDB writes an argument wherever the macro has its parameter, so that nested calls would grow without
 * limit: a long first argument is computed once, as the parameter of a lambda.
 */
export function macroCall(name: string, [first = '', ...others]: readonly string[]): string {
  if (first.length <= MAX_REPEATED) return `${name}(${[first, ...others].join(', ')})`;
  return `list_transform([${first}], lambda v: ${name}(${['v', ...others].join(', ')}))[1]`;
}

/** A macro of functions.sql with this name. */
export const macro =
  (name: string): Writer =>
  (args) =>
    macroCall(name, texts(args));

/** @throws BigQueryError if the argument is missing. */
export function argument(args: readonly Expression[], index: number): Expression {
  const found = args[index];
  if (!found) throw invalidQuery(`Number of arguments does not match: argument ${index + 1} is missing`);
  return found;
}

/** The text of a translated string literal; undefined for another expression. */
export function literalText(node: Expression): string | undefined {
  const text = 'raw' in node ? node.raw.sql : '';
  return /^'(?:[^']|'')*'$/.test(text) ? text.slice(1, -1).replaceAll("''", "'") : undefined;
}
