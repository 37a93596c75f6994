import type { TableSettings } from '../catalog.ts';
import { unsupported } from '../error.ts';
import { checkLabels } from '../labels.ts';
import { Cursor } from '../script/cursor.ts';

/**
 * Reads the text between the parentheses of OPTIONS, for a table or a view.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#table_option_list
 */
export function parseOptions(text: string): Pick<TableSettings, 'description' | 'labels' | 'maxStaleness'> {
  const cursor = new Cursor(text);
  let options = {};
  while (!cursor.done) {
    const name = cursor.identifier().toLowerCase();
    cursor.expect('=');
    const value = new Cursor(cursor.fragmentUntil(',').text);
    if (name === 'description') options = { ...options, description: value.string() };
    else if (name === 'labels') options = { ...options, labels: parseLabels(value) };
    else if (name === 'max_staleness') options = { ...options, maxStaleness: parseInterval(value) };
    else throw unsupported(`the option ${name}`);
    cursor.take(',');
  }
  return options;
}

/** `[('a', 'b'), …]` */
function parseLabels(cursor: Cursor): Record<string, string> {
  const labels: [string, string][] = [];
  cursor.expect('[');
  while (!cursor.take(']')) {
    cursor.expect('(');
    const key = cursor.string();
    cursor.expect(',');
    labels.push([key, cursor.string()]);
    cursor.expect(')');
    if (!cursor.sees(']')) cursor.expect(',');
  }
  const found = Object.fromEntries(labels);
  checkLabels(found);
  return found;
}

const SECONDS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({ SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400 }),
);

/**
 * `INTERVAL 15 MINUTE` as the REST interface writes it: years-months days hours:minutes:seconds.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#interval_type
 */
function parseInterval(cursor: Cursor): string {
  cursor.expect('INTERVAL');
  const written = cursor.next();
  const unit = cursor.next().keyword;
  const seconds = SECONDS.get(unit);
  if (cursor.take('TO') || seconds === undefined) throw unsupported(`an interval in ${unit}`);
  const total = Number(written.value) * seconds;
  const hours = Math.floor(total / 3600);
  return `0-0 0 ${hours}:${Math.floor(total / 60) % 60}:${total % 60}`;
}
