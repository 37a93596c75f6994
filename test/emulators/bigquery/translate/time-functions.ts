import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { argument, literalText, named, type Writer } from './function-writer.ts';
import { type Expression, print } from './syntax-tree.ts';

/** Writers for functions on dates and times; `type` is the DuckDB type of the values. */

/** Reads a keyword argument: `month`, `week(monday)`. */
function part(args: readonly Expression[], index: number): string {
  const node = argument(args, index);
  const word = 'var' in node ? node.var.this : 'column' in node ? node.column.name.name : print(node);
  return word.toUpperCase();
}

/**
 * DuckDB's names of the date parts. In GoogleSQL, weeks begin on Sunday.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions#date_trunc
 */
const PARTS: Readonly<Record<string, string>> = {
  DAY: 'day',
  HOUR: 'hour',
  ISOWEEK: 'week',
  MICROSECOND: 'microsecond',
  MILLISECOND: 'millisecond',
  MINUTE: 'minute',
  MONTH: 'month',
  QUARTER: 'quarter',
  SECOND: 'second',
  YEAR: 'year',
};

function partName(args: readonly Expression[], index: number): string {
  const name = part(args, index);
  const known = PARTS[name];
  if (!known) throw unsupported(`the date part ${name} here`);
  return literal(known);
}

export const truncated =
  (type: string): Writer =>
  (args) => {
    if (args.length > 2) throw unsupported('truncation in a time zone');
    const value = print(argument(args, 0));
    const day = `cast(${value} as ${type})`;
    if (/^WEEK(\(SUNDAY\))?$/.test(part(args, 1))) {
      return `cast(date_trunc('week', ${day} + interval 1 day) - interval 1 day as ${type})`;
    }
    return `cast(date_trunc(${partName(args, 1)}, ${day}) as ${type})`;
  };

export const shifted =
  (type: string, operator: '+' | '-'): Writer =>
  (args) => {
    const interval = print(argument(args, 1));
    if (!interval.startsWith('interval ')) throw invalidQuery('Expected INTERVAL expression');
    return `cast(cast(${print(argument(args, 0))} as ${type}) ${operator} ${interval} as ${type})`;
  };

/**
 * Counts whole units between two timestamps, or unit boundaries between two dates or datetimes.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions#date_diff
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions#timestamp_diff
 */
export const difference =
  (duckDbFunction: string, type: string): Writer =>
  (args) => {
    const [end, start] = [print(argument(args, 0)), print(argument(args, 1))];
    return `${duckDbFunction}(${partName(args, 2)}, cast(${start} as ${type}), cast(${end} as ${type}))`;
  };

export const inZone =
  (plain: string, zoned: string): Writer =>
  (args) =>
    args.length > 1 ? named(zoned)(args, '') : named(plain)(args, '');

export const current =
  (type: string): Writer =>
  (args, now) => {
    const zone = args[0] ? print(args[0]) : "'UTC'";
    return `cast(timestamptz ${literal(now)} at time zone ${zone} as ${type})`;
  };

/**
 * Expands compound format elements, and accepts only elements that mean the same in DuckDB.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements#format_elements_date_time
 */
function timeFormat(node: Expression): string {
  const written = literalText(node);
  if (written === undefined) throw unsupported('a time format that is no literal');
  const plain = written
    .replaceAll('%F', '%Y-%m-%d')
    .replaceAll('%T', '%H:%M:%S')
    .replaceAll('%R', '%H:%M')
    .replace(/%E6S/g, '%S.%f');
  const strange = /%[^YmdHMSfyjaAbBpI%]/.exec(plain)?.[0];
  if (strange) throw unsupported(`the format element ${strange}`);
  return literal(plain);
}

export const formatted =
  (type: string): Writer =>
  (args) =>
    `strftime(cast(cast(${print(argument(args, 1))} as ${type}) as timestamp), ${timeFormat(argument(args, 0))})`;

export const parsed =
  (type: string): Writer =>
  (args) =>
    `cast(strptime(${print(argument(args, 1))}, ${timeFormat(argument(args, 0))}) as ${type})`;
