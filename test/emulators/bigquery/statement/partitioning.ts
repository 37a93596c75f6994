import type { TableSettings } from '../catalog.ts';
import { unsupported } from '../error.ts';
import { Cursor } from '../script/cursor.ts';

/**
 * Reads the text after PARTITION BY into the form of the REST resource. A column alone means partitions by day; a function
 * sets their granularity.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#partition_expression
 */
export function parsePartitioning(text: string): TableSettings {
  const cursor = new Cursor(text);
  const name = cursor.identifier();
  if (cursor.done) {
    return {
      timePartitioning: name.toUpperCase().startsWith('_PARTITION')
        ? { type: 'DAY' }
        : { type: 'DAY', field: name },
    };
  }
  cursor.expect('(');
  const field = cursor.identifier();
  if (name.toUpperCase() === 'RANGE_BUCKET') {
    return { rangePartitioning: { field, range: parseRange(cursor) } };
  }
  const type = cursor.take(',') ? cursor.identifier().toUpperCase() : 'DAY';
  cursor.expect(')');
  const functions = ['DATE', 'DATE_TRUNC', 'TIMESTAMP_TRUNC', 'DATETIME_TRUNC'];
  if (!functions.includes(name.toUpperCase()) || !['HOUR', 'DAY', 'MONTH', 'YEAR'].includes(type)) {
    throw unsupported(`PARTITION BY ${text}`);
  }
  return { timePartitioning: field.toUpperCase().startsWith('_PARTITION') ? { type } : { type, field } };
}

/** `, GENERATE_ARRAY(start, end, interval))` */
function parseRange(cursor: Cursor): { start: string; end: string; interval: string } {
  cursor.expect(',', 'GENERATE_ARRAY', '(');
  const start = cursor.fragmentUntil(',').text;
  cursor.expect(',');
  const end = cursor.fragmentUntil(',').text;
  cursor.expect(',');
  const interval = cursor.fragmentUntil(',').text;
  cursor.expect(')', ')');
  return { start, end, interval };
}
