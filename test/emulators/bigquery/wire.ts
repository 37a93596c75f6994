import { type Field, quoted } from './field.ts';

export type TimestampFormat = 'INT64' | 'FLOAT64' | 'ISO8601_STRING';

/**
 * Returns a DuckDB expression that writes one row in BigQuery's REST format: `{"f":[{"v":"1"},{"v":null}]}`. The engine
 * writes many rows at a time, and the client gets the text unchanged.
 * `columns` are the DuckDB expressions of the fields, in the same order.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list
 */
export function wireRow(
  fields: readonly Field[],
  columns: readonly string[],
  timestamps: TimestampFormat = 'INT64',
): string {
  const cells = fields.map((field, index) => cell(field, columns[index] ?? 'null', timestamps, 0));
  return `'{"f":[' || ${cells.join(` || ',' || `) || "''"} || ']}'`;
}

function cell(field: Field, column: string, timestamps: TimestampFormat, depth: number): string {
  if (field.mode !== 'REPEATED') return `'{"v":' || ${value(field, column, timestamps, depth)} || '}'`;
  const element = `e${depth}`;
  const written = `'{"v":' || ${value(field, element, timestamps, depth + 1)} || '}'`;
  const list = `array_to_string(list_transform(${column}, lambda ${element}: ${written}), ',')`;
  return `'{"v":[' || coalesce(${list}, '') || ']}'`;
}

/** Returns the JSON text of one value: a string, a struct or null. */
function value(field: Field, column: string, timestamps: TimestampFormat, depth: number): string {
  if (field.type === 'RECORD') {
    const fields = field.fields ?? [];
    const columns = fields.map((_, index) => `struct_extract_at(${column}, ${index + 1})`);
    const cells = fields.map((each, index) => cell(each, columns[index] ?? 'null', timestamps, depth));
    return `case when ${column} is null then 'null' else '{"f":[' || ${cells.join(` || ',' || `)} || ']}' end`;
  }
  return `coalesce(to_json(${text(field, column, timestamps)})::varchar, 'null')`;
}

function text(field: Field, column: string, timestamps: TimestampFormat): string {
  switch (field.type) {
    case 'INTEGER':
      return `(${column})::bigint::varchar`;
    case 'FLOAT':
      return `replace(replace((${column})::varchar, 'inf', 'Infinity'), 'nan', 'NaN')`;
    case 'NUMERIC':
      return `bq_from_decimal((${column})::varchar)`;
    case 'BIGNUMERIC':
      return `bq_bignumeric_text(${column})`;
    case 'BYTES':
      return `to_base64(${column})`;
    case 'DATETIME':
      return `replace(bq_micros((${column})::varchar), ' ', 'T')`;
    case 'TIME':
      return `bq_micros((${column})::varchar)`;
    case 'TIMESTAMP':
      return timestamp(column, timestamps);
    default:
      return `(${column})::varchar`;
  }
}

function timestamp(column: string, format: TimestampFormat): string {
  switch (format) {
    case 'INT64':
      return `epoch_us(${column})::varchar`;
    case 'FLOAT64':
      return `(epoch_us(${column}) / 1000000)::varchar`;
    case 'ISO8601_STRING':
      return `(strftime(${column}, '%Y-%m-%dT%H:%M:%S.%f') || 'Z')`;
  }
}

/** Returns the quoted column names, with the relation as a prefix if given. */
export function columnNames(fields: readonly Field[], relation?: string): string[] {
  const prefix = relation === undefined ? '' : `${relation}.`;
  return fields.map(({ name }) => `${prefix}${quoted(name)}`);
}

/**
 * Converts the timestamps of a row from INT64 to another format.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions
 */
export function withTimestamps(row: string, fields: readonly Field[], format: TimestampFormat): string {
  if (format === 'INT64') return row;
  return JSON.stringify(converted(JSON.parse(row), fields, format));
}

interface WireRow {
  f: { v: unknown }[];
}

function converted(row: WireRow, fields: readonly Field[], format: TimestampFormat): WireRow {
  const cells = row.f.map(({ v }, index) => {
    const field = fields[index];
    if (!field || v === null) return { v };
    const one = (each: unknown): unknown => {
      if (each === null) return null;
      if (field.type === 'RECORD') return converted(each as WireRow, field.fields ?? [], format);
      return field.type === 'TIMESTAMP' ? formatMicros(BigInt(String(each)), format) : each;
    };
    return { v: Array.isArray(v) ? v.map((element: { v: unknown }) => ({ v: one(element.v) })) : one(v) };
  });
  return { f: cells };
}

function formatMicros(micros: bigint, format: TimestampFormat): string {
  if (format === 'FLOAT64') return String(Number(micros) / 1e6);
  const millis = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const rest = String(micros - millis * 1000n).padStart(3, '0');
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${rest}Z`;
}
