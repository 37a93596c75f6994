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
