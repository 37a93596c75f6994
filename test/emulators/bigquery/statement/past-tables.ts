import { DuckDBTimestampTZValue } from '@duckdb/node-api';
import { isoTime } from '../clock.ts';
import { invalid, invalidQuery, unsupported } from '../error.ts';
import { quoted } from '../field.ts';
import { displayName, storageTable, type TableReference } from '../names.ts';
import { tokenize } from '../script/tokenize.ts';
import { mayHaveTimes, pastTables, writeTimes } from '../translate/system-time.ts';
import type { Source } from '../translate/translation-context.ts';
import type { StatementContext } from './statement-context.ts';

/** https://cloud.google.com/bigquery/docs/time-travel#configure_the_time_travel_window: the default, the emulator knows no other. */
const WINDOW_MICROSECONDS = 7 * 24 * 60 * 60 * 1_000_000;

/** The tables that a statement reads as they were, by `displayName`. */
export type PastTables = Map<string, { readonly time: number; readonly source: Source }>;

/**
 * Copies the past rows that a query or a DML statement reads to temporary tables, as the past of DuckDB ends with a query that fails.
 * https://cloud.google.com/bigquery/docs/access-historical-data
 * @returns the statement in a form in which the translation finds them.
 */
export async function preparePast(sql: string, context: StatementContext): Promise<string> {
  if (!mayHaveTimes(sql)) return sql;
  const written = await writeTimes(sql, (expression) => evaluateTime(expression, context));
  for (const { path, time } of pastTables(written)) {
    const { reference } = context.table(path);
    const known = context.past.get(displayName(reference));
    if (known && known.time !== time) throw severalTimes(reference);
    if (!known)
      context.past.set(displayName(reference), { time, source: await copyTable(path, time, context) });
  }
  return written;
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#for_system_time_as_of; the message is [not documented]. */
export function severalTimes(reference: TableReference) {
  return invalidQuery(`Table ${displayName(reference)} is referenced at more than one point in time`);
}

/** In microseconds. @throws BigQueryError unless it is a constant TIMESTAMP: no subquery, and no column, which the engine does not find. */
async function evaluateTime(expression: string, context: StatementContext): Promise<number> {
  const tokens = tokenize(expression);
  if (tokens.some(({ keyword }) => keyword === 'SELECT')) {
    throw invalidQuery('FOR SYSTEM_TIME AS OF requires a constant expression, without subqueries');
  }
  // The default time zone is America/Los_Angeles here, and UTC elsewhere.
  if (tokens.some(({ kind, value }) => kind === 'string' && isTimeWithoutZone(value))) {
    throw unsupported('a time without a time zone in FOR SYSTEM_TIME AS OF');
  }
  const [only, ...others] = tokens;
  const isString = only?.kind === 'string' && others.length === 0;
  const { sql, bindings } = context
    .translation()
    .expression(isString ? `timestamp ${expression}` : expression);
  const { type, value } = await context.session.value(`select ${sql}`, bindings);
  if (!(value instanceof DuckDBTimestampTZValue)) {
    throw invalidQuery(
      `FOR SYSTEM_TIME AS OF requires a TIMESTAMP, but got ${value === null ? 'NULL' : String(type)}`,
    );
  }
  return Number(value.micros);
}

function isTimeWithoutZone(text: string): boolean {
  return /^\d{4}-\d/.test(text) && !/([zZ]|[+-]\d{1,2}(:?\d\d)?| ?[A-Za-z]+(\/\w+)*)$/.test(text.slice(10));
}

async function copyTable(path: string, time: number, context: StatementContext): Promise<Source> {
  const { catalog, engine } = context.warehouse;
  const { reference } = checkTime(path, time, context);
  const name = `${displayName(reference)}@${time}`;
  const fields = await engine.history.at(time, async (past) => {
    const table = await catalog.tableSeenBy(past, reference);
    if (table.upsertStream) throw streamed(reference);
    const columns = table.fields.map((field) => quoted(field.name)).join(', ');
    const rows = `select ${columns} from ${storageTable(reference)} ${context.isDryRun ? 'limit 0' : ''}`;
    await context.session.copyToTemporaryTable(name, past, rows);
    return table.fields;
  });
  return { columns: fields.map((field) => field.name), sql: `temp.${quoted(name)}` };
}

/** The table, as it is now. @throws BigQueryError if it cannot be read as of the time. */
function checkTime(path: string, time: number, context: StatementContext) {
  const table = context.table(path);
  const { catalog, engine } = context.warehouse;
  const name = displayName(table.reference);
  if (context.transaction) throw unsupported('FOR SYSTEM_TIME AS OF in a transaction');
  // [not documented; seen on https://tellingbook.com/bigquery-time-travel-case-study/]
  if (table.type === 'VIEW') {
    throw invalidQuery(`FOR SYSTEM_TIME AS OF is not supported for ${name}, which is a view`);
  }
  if (table.upsertStream) throw streamed(table.reference);
  const now = engine.clock.now();
  const milliseconds = Math.floor(time / 1000);
  const invalidTime = `Invalid snapshot time ${milliseconds} for table ${name}@${milliseconds}.`;
  if (time > now) throw invalid(`${invalidTime} It is in the future: now it is ${isoTime(now)}`);
  const earliest = Math.max(catalog.tableTime(table.reference) ?? 0, now - WINDOW_MICROSECONDS);
  if (time < earliest) throw invalid(`${invalidTime} Cannot read before ${Math.ceil(earliest / 1000)}.`);
  return table;
}

/** Google does not say what such a query answers before the changes of an upsert stream are applied. */
function streamed(reference: TableReference) {
  return unsupported(`FOR SYSTEM_TIME AS OF for ${displayName(reference)}, which has had an upsert stream`);
}
