import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { argument, literalText, type Writer } from './function-writer.ts';
import { print } from './syntax-tree.ts';

/**
 * FORMAT with a literal format; refuses formats that it does not know.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#format_string
 */
export const format: Writer = (args) => {
  const pattern = literalText(argument(args, 0));
  if (pattern === undefined) throw unsupported('FORMAT with a format that is no literal');
  let used = 0;
  const pieces = pattern.split(/(%[-+ 0#']*\d*(?:\.\d+)?[a-zA-Z%])/).map((piece) => {
    if (piece === '%%') return literal('%');
    if (!/^%.*[a-zA-Z]$/.test(piece)) return literal(piece);
    used += 1;
    const value = print(argument(args, used));
    return formatPiece(piece, value);
  });
  if (used !== args.length - 1) throw invalidQuery('Invalid number of arguments to FORMAT');
  return `(${pieces.filter((piece) => piece !== "''").join(' || ') || "''"})`;
};

function formatPiece(piece: string, value: string): string {
  switch (piece) {
    case '%d':
    case '%i':
    case '%s':
    case '%t':
      return `bq_printed(${value})`;
    case '%T':
      return `bq_literal(${value})`;
    default:
      if (/^%[-+ 0]*\d*(\.\d+)?[dfexXs]$/.test(piece)) {
        return `coalesce(printf(${literal(piece)}, ${value}), 'NULL')`;
      }
      throw unsupported(`the format element ${piece}`);
  }
}
