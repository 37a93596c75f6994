import type { TableSettings } from '../catalog.ts';
import { unsupported } from '../error.ts';
import { Cursor } from '../script/cursor.ts';

const FUNCTIONS = ['DATE', 'DATE_TRUNC', 'TIMESTAMP_TRUNC', 'DATETIME_TRUNC'];
/** https://cloud.google.com/bigquery/docs/partitioned-tables#date_timestamp_partitioned_tables */
const GRANULARITIES = ['HOUR', 'DAY', 'MONTH', 'YEAR'];

/**
 * The text behind PARTITION BY: a column, which is partitioned by day, or a function of a column and a granularity.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#partition_expression
 */
export function parsePartitioning(text: string): Pick<TableSettings, 'timePartitioning'> {
  const cursor = new Cursor(text);
  const name = cursor.identifier();
  if (cursor.done) return { timePartitioning: { type: 'DAY', field: name } };
  cursor.expect('(');
  const field = cursor.identifier();
  const type = cursor.take(',') ? cursor.identifier().toUpperCase() : 'DAY';
  if (!cursor.take(')') || !FUNCTIONS.includes(name.toUpperCase()) || !GRANULARITIES.includes(type)) {
    throw unsupported(`PARTITION BY ${text}`);
  }
  return { timePartitioning: { type, field } };
}
