import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { format } from './format-function.ts';
import { argument, literalText, named, texts, type Writer } from './function-writer.ts';
import { type Expression, print } from './syntax-tree.ts';
import { current, difference, formatted, inZone, parsed, shifted, truncated } from './time-functions.ts';

/**
 * Like named, but NULL if any argument is NULL; DuckDB ignores NULLs.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions#greatest
 */
const strict =
  (name: string): Writer =>
  (args) => {
    const list = texts(args);
    return `case when ${list.map((text) => `(${text}) is null`).join(' or ')} then null else ${name}(${list.join(', ')}) end`;
  };

const padded =
  (name: string): Writer =>
  (args) => {
    const pattern = args[2] ? print(args[2]) : "' '";
    return `${name}(${print(argument(args, 0))}, (${print(argument(args, 1))})::integer, ${pattern})`;
  };

const regexpExtract: Writer = (args) => {
  const pattern = literalText(argument(args, 1));
  if (args.length > 2 || pattern === undefined) throw unsupported('this form of REGEXP_EXTRACT');
  const group = /(?:^|[^\\])\((?!\?[^P])/.test(pattern) ? 1 : 0;
  const [value, text] = [print(argument(args, 0)), literal(pattern)];
  return `case when regexp_matches(${value}, ${text}) then regexp_extract(${value}, ${text}, ${group}) end`;
};

const structure: Writer = (args) => {
  const fields = args.map((field, index) => {
    const name = fieldName(field) ?? `_${index}`;
    return `${literal(name)}: ${print('alias' in field ? field.alias.this : field)}`;
  });
  return `{${fields.join(', ')}}`;
};

/** Returns the column name that an expression implies, if any. */
export function fieldName(node: Expression): string | undefined {
  if ('alias' in node) return node.alias.alias.name;
  if ('column' in node) return node.column.name.name;
  if ('dot' in node) return node.dot.field.name;
  return undefined;
}

/**
 * Functions that get a prefix before the translator sees them, so that only this table decides their translation.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
 */
const FUNCTIONS: Readonly<Record<string, Writer>> = {
  abs: named('abs'),
  array_concat: named('list_concat'),
  array_length: named('len'),
  array_reverse: named('list_reverse'),
  array_to_string: named('array_to_string'),
  byte_length: named('bq_byte_length'),
  ceil: named('ceil'),
  ceiling: named('ceil'),
  char_length: named('length'),
  concat: (args) => `(${texts(args).join(' || ')})`,
  contains_substr: (args) =>
    `contains(lower(${print(argument(args, 0))}), lower(${print(argument(args, 1))}))`,
  current_date: current('date'),
  current_datetime: current('timestamp'),
  current_time: current('time'),
  current_timestamp: (_args, now) => `timestamptz ${literal(now)}`,
  date: (args) =>
    named(args.length === 3 ? 'bq_date_of_parts' : args.length === 2 ? 'bq_date_in_zone' : 'bq_date')(
      args,
      '',
    ),
  date_add: shifted('date', '+'),
  date_diff: difference('date_diff', 'date'),
  date_from_unix_date: named('bq_date_from_unix_date'),
  date_sub: shifted('date', '-'),
  date_trunc: truncated('date'),
  datetime: inZone('bq_datetime', 'bq_datetime_in_zone'),
  datetime_add: shifted('timestamp', '+'),
  datetime_diff: difference('date_diff', 'timestamp'),
  datetime_sub: shifted('timestamp', '-'),
  datetime_trunc: truncated('timestamp'),
  div: named('bq_div'),
  ends_with: named('ends_with'),
  error: named('error'),
  exp: named('exp'),
  floor: named('floor'),
  format,
  format_date: formatted('date'),
  format_datetime: formatted('timestamp'),
  format_timestamp: formatted('timestamptz'),
  from_base64: named('bq_from_base64'),
  from_hex: named('bq_from_hex'),
  generate_array: named('generate_series'),
  generate_uuid: named('bq_generate_uuid'),
  greatest: strict('greatest'),
  instr: named('instr'),
  is_inf: named('isinf'),
  is_nan: named('isnan'),
  json_extract_scalar: named('bq_json_value'),
  json_query: named('bq_json_query'),
  json_value: named('bq_json_value'),
  least: strict('least'),
  left: named('left'),
  length: named('bq_length'),
  lower: named('lower'),
  lpad: padded('lpad'),
  ltrim: named('ltrim'),
  md5: named('bq_md5'),
  mod: named('bq_mod'),
  nullif: named('nullif'),
  parse_date: parsed('date'),
  parse_datetime: parsed('timestamp'),
  parse_json: named('bq_parse_json'),
  parse_timestamp: parsed('timestamptz'),
  pow: named('pow'),
  power: named('pow'),
  regexp_contains: named('bq_regexp_contains'),
  regexp_extract: regexpExtract,
  regexp_replace: named('bq_regexp_replace'),
  repeat: named('repeat'),
  replace: named('replace'),
  reverse: named('reverse'),
  right: named('right'),
  round: named('round'),
  rpad: padded('rpad'),
  rtrim: named('rtrim'),
  safe_divide: named('bq_safe_divide'),
  sha1: named('bq_sha1'),
  sha256: named('bq_sha256'),
  sign: named('sign'),
  split: named('bq_split'),
  sqrt: named('sqrt'),
  starts_with: named('starts_with'),
  string: named('bq_string'),
  strpos: named('strpos'),
  struct: structure,
  substr: named('substr'),
  substring: named('substr'),
  timestamp: inZone('bq_timestamp', 'bq_timestamp_in_zone'),
  timestamp_add: shifted('timestamptz', '+'),
  timestamp_diff: difference('date_sub', 'timestamptz'),
  timestamp_micros: named('bq_timestamp_micros'),
  timestamp_millis: named('bq_timestamp_millis'),
  timestamp_seconds: named('bq_timestamp_seconds'),
  timestamp_sub: shifted('timestamptz', '-'),
  timestamp_trunc: truncated('timestamptz'),
  to_base64: named('bq_to_base64'),
  to_hex: named('bq_to_hex'),
  to_json: named('bq_to_json'),
  to_json_string: named('bq_to_json_string'),
  trim: named('trim'),
  trunc: named('trunc'),
  unix_date: named('bq_unix_date'),
  unix_micros: named('bq_unix_micros'),
  unix_millis: named('bq_unix_millis'),
  unix_seconds: named('bq_unix_seconds'),
  upper: named('upper'),
};

/** Whether the table above translates the function with this lower-case name. */
export function isOwnFunction(name: string): boolean {
  return Object.hasOwn(FUNCTIONS, name);
}

/** Returns DuckDB's text for a call of a function in the table above. `now` is a timestamp in DuckDB's format. */
export function writeFunction(name: string, args: readonly Expression[], now: string): string {
  const writer = FUNCTIONS[name];
  if (!writer)
    throw invalidQuery(
      `Function not found: ${name.toUpperCase()} (or the BigQuery stand-in does not have it)`,
    );
  return writer(args, now);
}
