import type { Labels } from '../catalog.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { Cursor } from '../script/cursor.ts';

/**
 * The options of a dataset, a table or a view, in the form of the REST resource.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#table_option_list
 */
export interface Options {
  readonly description?: string;
  readonly friendlyName?: string;
  readonly labels?: Labels;
  readonly location?: string;
  readonly requirePartitionFilter?: boolean;
  readonly maxStaleness?: string;
}

/** Options of BigQuery without an effect in the emulator. */
const WITHOUT_EFFECT = new Set([
  'default_partition_expiration_days',
  'default_rounding_mode',
  'default_table_expiration_days',
  'enable_refresh',
  'expiration_timestamp',
  'is_case_insensitive',
  'kms_key_name',
  'max_time_travel_hours',
  'partition_expiration_days',
  'storage_billing_model',
  'strict_mode',
]);

/** Reads the text between the parentheses of OPTIONS. @throws BigQueryError for options that BigQuery lacks. */
export function parseOptions(text: string): Options {
  const cursor = new Cursor(text);
  const options: { -readonly [K in keyof Options]: Options[K] } = {};
  while (!cursor.done) {
    const name = cursor.identifier().toLowerCase();
    cursor.expect('=');
    const value = new Cursor(cursor.fragmentUntil(',').text);
    if (name === 'description') options.description = value.take('NULL') ? '' : value.string();
    else if (name === 'friendly_name') options.friendlyName = value.string();
    else if (name === 'location') options.location = value.string();
    else if (name === 'labels') options.labels = parseLabels(value);
    else if (name === 'require_partition_filter') options.requirePartitionFilter = value.take('TRUE');
    else if (name === 'max_staleness') options.maxStaleness = parseInterval(value);
    else if (!WITHOUT_EFFECT.has(name)) throw invalidQuery(`Unknown option: ${name}`);
    cursor.take(',');
  }
  return options;
}

function parseLabels(cursor: Cursor): Labels {
  const labels: Record<string, string> = {};
  cursor.expect('[');
  while (!cursor.take(']')) {
    cursor.take('STRUCT');
    cursor.expect('(');
    const key = cursor.string();
    cursor.expect(',');
    labels[key] = cursor.string();
    cursor.expect(')');
    cursor.take(',');
  }
  return labels;
}

const SECONDS: Readonly<Record<string, number>> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400 };

/**
 * Converts `INTERVAL 15 MINUTE` to years-months days hours:minutes:seconds, the form of REST.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#interval_type
 */
function parseInterval(cursor: Cursor): string {
  cursor.expect('INTERVAL');
  const written = cursor.next();
  const unit = cursor.next().keyword;
  const seconds = SECONDS[unit];
  if (cursor.take('TO') || seconds === undefined) throw unsupported(`an interval in ${unit}`);
  const total = Number(written.value) * seconds;
  const hours = Math.floor(total / 3600);
  return `0-0 0 ${hours}:${Math.floor(total / 60) % 60}:${total % 60}`;
}
