import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { argument, literalText, type Writer } from './function-writer.ts';
import { print } from './syntax-tree.ts';

/**
 * FORMAT with a literal format and the elements %d, %s, %t and %%.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#format_string
 */
export const format: Writer = (args) => {
  const pattern = literalText(argument(args, 0));
  if (pattern === undefined) throw unsupported('FORMAT with a format that is no literal');
  let used = 0;
  const pieces = pattern.split(/(%[-+ 0#']*\d*(?:\.\d+)?[a-zA-Z%])/).map((piece) => {
    if (piece === '%%') return literal('%');
    if (!piece.startsWith('%')) return literal(piece);
    if (!/^%[dst]$/.test(piece)) throw unsupported(`the format element ${piece}`);
    used += 1;
    return `bq_printed(${print(argument(args, used))})`;
  });
  if (used !== args.length - 1) throw invalidQuery('Invalid number of arguments to FORMAT');
  return `(${pieces.filter((piece) => piece !== "''").join(' || ') || "''"})`;
};
