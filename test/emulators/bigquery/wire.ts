import type { Field } from './field.ts';

/**
 * DuckDB's expression for one row in the form of the REST interface: `{"f":[{"v":"1"},{"v":null}]}`. The engine writes many rows at a
 * time, and they go to the client unchanged. `columns` are DuckDB's expressions of the fields, in the same order.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults#response_body
 */
export function wireRow(fields: readonly Field[], columns: readonly string[]): string {
  const cells = fields.map((field, index) => cell(field, columns[index] ?? 'null'));
  return `'{"f":[' || ${cells.join(` || ',' || `) || "''"} || ']}'`;
}

function cell(field: Field, column: string): string {
  if (field.mode !== 'REPEATED') return `'{"v":' || ${value(field, column)} || '}'`;
  const list = `array_to_string(list_transform(${column}, lambda e: '{"v":' || ${value(field, 'e')} || '}'), ',')`;
  return `'{"v":[' || coalesce(${list}, '') || ']}'`;
}

/** The JSON text of one value: a string, or null. */
function value(field: Field, column: string): string {
  return `coalesce(to_json(${text(field, column)})::varchar, 'null')`;
}

function text(field: Field, column: string): string {
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
      // With useInt64Timestamp: https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions
      return `epoch_us(${column})::varchar`;
    default:
      return `(${column})::varchar`;
  }
}
