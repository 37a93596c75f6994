import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { format } from './format-function.ts';
import { argument, macro, named, texts, type Writer } from './function-writer.ts';
import { parseJson } from './parse-json-function.ts';
import { type Expression, print } from './syntax-tree.ts';

/**
 * As `named`, but NULL if any argument is NULL, where DuckDB ignores NULLs.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions#greatest
 */
const strict =
  (name: string): Writer =>
  (args) => {
    const list = texts(args);
    return `case when ${list.map((text) => `(${text}) is null`).join(' or ')} then null else ${name}(${list.join(', ')}) end`;
  };

const structure: Writer = (args) => {
  const fields = args.map((field, index) => {
    const name = fieldName(field) ?? `_${index}`;
    return `${literal(name)}: ${print('alias' in field ? field.alias.this : field)}`;
  });
  return `{${fields.join(', ')}}`;
};

/** The name that an expression gives to its column, if it gives one. */
export function fieldName(node: Expression): string | undefined {
  if ('alias' in node) return node.alias.alias.name;
  if ('column' in node) return node.column.name.name;
  return undefined;
}

const dateOf: Writer = (args) => {
  if (args.length !== 1) throw unsupported('DATE with several arguments');
  return `cast(${print(argument(args, 0))} as date)`;
};

const dateSub: Writer = (args) => {
  const interval = print(argument(args, 1));
  if (!interval.startsWith('interval ')) throw invalidQuery('Expected INTERVAL expression');
  return `cast(cast(${print(argument(args, 0))} as date) - ${interval} as date)`;
};

/** The name of an argument that is a unit of time, such as MONTH. */
const unitOf = (args: readonly Expression[], index: number): string => {
  const node = argument(args, index);
  const name = 'var' in node ? node.var.this : fieldName(node);
  return name?.toLowerCase() ?? '';
};

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions#timestamp_sub */
const timestampSub: Writer = (args) => {
  const interval = print(argument(args, 1));
  if (!/^interval .* (microsecond|millisecond|second|minute|hour|day)$/.test(interval)) {
    throw invalidQuery('TIMESTAMP_SUB expects an INTERVAL of MICROSECOND to DAY');
  }
  return `(${print(argument(args, 0))} - ${interval})`;
};

/**
 * DATE_TRUNC and its like for one type of DuckDB, in UTC as the session.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions#date_trunc
 */
const truncated =
  (type: string): Writer =>
  (args) => {
    const unit = unitOf(args, 1);
    if (!['hour', 'day', 'month', 'year'].includes(unit)) throw unsupported(`the granularity ${unit}`);
    return `cast(date_trunc('${unit}', ${print(argument(args, 0))}) as ${type})`;
  };

/** The units of https://cloud.google.com/bigquery/docs/reference/standard-sql/time_functions#time_diff that are needed. */
const timeDiff: Writer = (args) => {
  const unit = unitOf(args, 2);
  if (unit !== 'microsecond') throw unsupported(`the granularity ${unit}`);
  const [end, start] = [0, 1].map((index) => `epoch_us(cast(${print(argument(args, index))} as time))`);
  return `(${end} - ${start})`;
};

/** DuckDB's MD5 is a text: https://cloud.google.com/bigquery/docs/reference/standard-sql/hash_functions#md5 */
const md5: Writer = (args) => `unhex(md5(${print(argument(args, 0))}))`;

/** Replaces all matches: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#regexp_replace */
const regexpReplace: Writer = (args) => {
  const [value, pattern, replacement] = [0, 1, 2].map((index) => print(argument(args, index)));
  return `regexp_replace(${value}, ${pattern}, ${replacement}, 'g')`;
};

const timestamp: Writer = (args) => {
  if (args.length !== 1) throw unsupported('TIMESTAMP with a time zone');
  return `cast(${print(argument(args, 0))} as timestamptz)`;
};

/** UTC without a time zone. */
const currentDate: Writer = (args, now) => {
  const zone = args[0] ? print(args[0]) : "'UTC'";
  return `cast(timestamptz ${literal(now)} at time zone ${zone} as date)`;
};

/**
 * All functions that the emulator has, in lower case: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
 * They get a prefix before the translator sees them, so that only this table decides what they become.
 */
const FUNCTIONS: ReadonlyMap<string, Writer> = new Map(
  Object.entries<Writer>({
    array_length: named('len'),
    byte_length: macro('bq_byte_length'),
    concat: (args) => `(${texts(args).join(' || ')})`,
    current_date: currentDate,
    current_timestamp: (_args, now) => `timestamptz ${literal(now)}`,
    date: dateOf,
    date_sub: dateSub,
    date_trunc: truncated('date'),
    datetime_trunc: truncated('timestamp'),
    error: named('error'),
    format,
    greatest: strict('greatest'),
    ieee_divide: named('bq_ieee_divide'),
    lower: named('lower'),
    md5,
    mod: macro('bq_mod'),
    parse_json: parseJson,
    regexp_contains: named('regexp_matches'),
    regexp_replace: regexpReplace,
    struct: structure,
    substr: macro('bq_substr'),
    time_diff: timeDiff,
    timestamp,
    timestamp_sub: timestampSub,
    timestamp_trunc: truncated('timestamptz'),
    to_hex: (args) => `lower(hex(${print(argument(args, 0))}))`,
    to_json_string: named('bq_to_json_string'),
    unix_date: named('bq_unix_date'),
    unix_micros: named('epoch_us'),
  }),
);

/** Is this, in lower case, a function of the table above? */
export function isOwnFunction(name: string): boolean {
  return FUNCTIONS.has(name);
}

/** DuckDB's text for a call of a function of the table above. `now` is a timestamp in a form that DuckDB reads. */
export function writeFunction(name: string, args: readonly Expression[], now: string): string {
  const writer = FUNCTIONS.get(name);
  if (!writer) throw functionNotFound(name);
  return writer(args, now);
}

/** Also for functions that BigQuery has and the emulator has not. */
export function functionNotFound(name: string) {
  return invalidQuery(
    `Function not found: ${name.toUpperCase()} (or the BigQuery emulator does not support it)`,
  );
}
