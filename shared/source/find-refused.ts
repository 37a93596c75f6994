import type pg from 'pg';
import { ADVICE, DataHubError } from '../errors.ts';
import { formatKey } from '../model/format-key.ts';
import { policyAdvice, thenResume } from '../model/resume-advice.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { NOT_A_DATETIME } from './datetime-form.ts';
import type { SourceView } from './describe-view.ts';
import { columnsOf, copiedColumns, type RowSet, rowsOf } from './fetch.ts';
import { stoppingValues } from './source-column.ts';
import { writtenRows } from './text-settings.ts';

const NAMED_VALUES = 5;

/**
 * Finds the values that stopped the copy of these rows, in the same snapshot. Returns the `bad_data` error to throw, with view, key,
 * column and reason, or null if it finds none.
 */
export async function findRefused(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
): Promise<DataHubError | null> {
  const byRule = await attempt(client, () => findUnrepresentable(client, view, rows));
  // An expression of the view itself may fail too, and then every query over all rows fails.
  return byRule.result ?? (await findUnreadable(client, view, rows));
}

/** Finds values that BigQuery cannot hold, by the rules of their types. Null if there are none. */
export async function findUnrepresentable(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
): Promise<DataHubError | null> {
  const columns = columnsOf(view, rows).flatMap((column) =>
    stoppingValues(column).map((stopping) => ({ name: column.name, ...stopping })),
  );
  if (columns.length === 0) return null;
  const judged = writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: `(select v.* from ${rowsOf(view, rows)}) v`,
    write: (from) => `select v.${quoteIdentifier(view.keyColumn)}::text as key,
      array[${columns.map(({ when }) => when).join(', ')}] as bad from ${from}`,
  });
  const { rows: found } = await client.query(
    `select key, i::int - 1 as index from (${judged}) judged, unnest(bad) with ordinality as b (is_bad, i)
     where is_bad limit ${NAMED_VALUES}`,
  );
  const named = found.flatMap(({ key, index }) => {
    const column = columns[index as number];
    return column === undefined ? [] : [{ key: key as string, column: column.name, reason: column.reason }];
  });
  const [first] = named;
  if (first === undefined) return null;
  const each = named.map(
    ({ key, column, reason }) => `key ${formatKey(key)}, column ${column}: the value ${reason}`,
  );
  const column = columns.find(({ name }) => name === first.column);
  if (column !== undefined && (await stopsEveryValue(client, view, rows, column))) {
    return refusal(view, each.join('; '), first.column, adviceForColumn(view, first));
  }
  const names = [...new Set(named.map((value) => value.column))].filter((name) => name !== view.keyColumn);
  return refusal(view, each.join('; '), first.column, policyAdvice(view.name, names));
}

/** So few values say nothing about their column. */
const FEW_VALUES = 3;

/** Whether all values of a column are refused, and not only a few. */
async function stopsEveryValue(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
  { name, when }: { name: string; when: string },
): Promise<boolean> {
  const judged = writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: `(select v.* from ${rowsOf(view, rows)}) v`,
    write: (from) =>
      `select ${when} as is_bad, v.${quoteIdentifier(name)} is not null as is_present from ${from}`,
  });
  const { rows: counted } = await client.query(
    `select count(*)::int as present, count(*) filter (where is_bad)::int as refused from (${judged}) judged where is_present`,
  );
  const { present, refused } = counted[0] as { present: number; refused: number };
  return present === refused && present >= FEW_VALUES;
}

function adviceForColumn(view: SourceView, { column, reason }: { column: string; reason: string }): string {
  const change =
    reason === NOT_A_DATETIME
      ? 'Show it in the view as timestamptz or as text like 2026-01-31 08:00, or remove it from datetime_columns'
      : 'Change it in the view';
  return `Every value of column ${column} is refused, so that a policy would replace them all. ${change}. ${thenResume(view.name)}`;
}

/** Keys in [from, to), as text. Null stands for an open end. */
type KeyRange = { from: string | null; to: string | null };

/**
 * Finds a row that PostgreSQL cannot read, because an expression of the view, such as a function or a cast, fails on it. Halves
 * the range of keys until one row is left. Returns null if no key identifies the row.
 */
async function findUnreadable(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
): Promise<DataHubError | null> {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  const type = view.keyType.sqlType;
  const within = (range: KeyRange) => ({
    from: `(select v.* from (select v.* from ${rowsOf(view, rows)}) v
      where ($1::text is null or ${key} >= $1::text::${type}) and ($2::text is null or ${key} < $2::text::${type})) v`,
    values: [range.from, range.to],
  });
  const failureOf = async (expressions: string[], range: KeyRange): Promise<DataHubError | null> => {
    const { from, values } = within(range);
    const read = expressions.map((expression, i) => `${expression} as c${i}`);
    // As the COPY does, textsend converts the text to the encoding of the client, which fails on bytes that are no text.
    const written = writtenRows(view.textSettings, {
      columns: copiedColumns(view),
      from,
      write: (computed) =>
        `select textsend(row_to_json(r)::text) as line from (select ${read.join(', ')} from ${computed}) r`,
    });
    const text = `select count(line) from (${written}) lines`;
    return (await attempt(client, () => client.query(text, values))).failure;
  };
  const keyAt = async (range: KeyRange, offset: number): Promise<string | null> => {
    const { from, values } = within(range);
    const text = `select ${key}::text as key from ${from} order by ${key} offset ${offset} limit 1`;
    const { result } = await attempt(client, () => client.query(text, values));
    return (result?.rows[0]?.key as string | undefined) ?? null;
  };

  const columns = columnsOf(view, rows);
  const all = columns.map(({ expression }) => expression);
  let range: KeyRange = { from: null, to: null };
  const counted = await attempt(client, () =>
    client.query(`select count(*) as count from ${within(range).from}`, within(range).values),
  );
  let count = Number((counted.result?.rows[0]?.count as bigint | undefined) ?? 0);
  while (count > 1) {
    const half = Math.floor(count / 2);
    const middle = await keyAt(range, half);
    if (middle === null) return null;
    const isBelow = (await failureOf(all, { ...range, to: middle })) !== null;
    range = isBelow ? { ...range, to: middle } : { ...range, from: middle };
    count = isBelow ? half : count - half;
  }
  const found = await keyAt(range, 0);
  if (found === null) return null;
  for (const { name, expression } of columns) {
    const failure = await failureOf([expression], range);
    if (failure === null) continue;
    const what = failure.message.replace(/^source database: /, '');
    const advice =
      failure.advice === ADVICE.bad_data
        ? `Correct the row, or the expression of the view that fails on it, which no policy can mend. ${thenResume(view.name)}`
        : failure.advice;
    return refusal(view, `key ${formatKey(found)}, column ${name}: ${what}`, name, advice);
  }
  return null;
}

/** Runs a query that may fail on a value, in a savepoint, so that the transaction can go on. Throws other failures. */
async function attempt<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
): Promise<{ result: T | null; failure: DataHubError | null }> {
  await client.query('savepoint attempt');
  try {
    const result = await work();
    await client.query('release savepoint attempt');
    return { result, failure: null };
  } catch (error) {
    const refused = fromPostgres(error, 'source');
    if (refused.kind !== 'bad_data') throw refused;
    await client.query('rollback to savepoint attempt; release savepoint attempt');
    // The message of `fromPostgres` quotes no value.
    return { result: null, failure: refused };
  }
}

function refusal({ name: view }: SourceView, what: string, column: string, advice: string): DataHubError {
  return new DataHubError('bad_data', `view ${view}: ${what}`, { advice, context: { view, column } });
}
