import { invalidQuery } from '../error.ts';
import { type Expression, print } from './syntax-tree.ts';

/** Makes DuckDB's text for a call from its arguments, which are translated already. `now` is the statement's time. */
export type Writer = (args: readonly Expression[], now: string) => string;

/** DuckDB's texts of arguments. */
export const texts = (args: readonly Expression[]): string[] => args.map(print);

/** The function has this name in DuckDB, or is a macro of functions.sql. */
export const named =
  (name: string): Writer =>
  (args) =>
    `${name}(${texts(args).join(', ')})`;

/** @throws BigQueryError if there is none. */
export function argument(args: readonly Expression[], index: number): Expression {
  const found = args[index];
  if (!found) throw invalidQuery(`Number of arguments does not match: argument ${index + 1} is missing`);
  return found;
}

/** The text of a string literal, which is DuckDB's by now. */
export function literalText(node: Expression): string | undefined {
  const text = 'raw' in node ? node.raw.sql : '';
  return /^'(?:[^']|'')*'$/.test(text) ? text.slice(1, -1).replaceAll("''", "'") : undefined;
}
