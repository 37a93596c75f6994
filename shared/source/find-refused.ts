import type pg from 'pg';
import { ADVICE, DataHubError } from '../errors.ts';
import { formatKey } from '../model/format-key.ts';
import { policyAdvice, shorterRow, thenResume } from '../model/resume-advice.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import type { ColumnPlan } from './decode/column-plan.ts';
import { NOT_A_DATETIME } from './decode/reasons.ts';
import type { Refusals } from './decode/refusals.ts';
import type { SourceView } from './describe-view.ts';
import { columnsOf, copiedColumns, type RowSet, rowsOf } from './fetch.ts';
import { writtenRows } from './text-settings.ts';

/** The `bad_data` error for values that BigQuery cannot hold, and rows that no function can, with view, key, column and reason; null if none stopped the batch. */
export function refusedValues(
  view: SourceView,
  columns: readonly Pick<ColumnPlan, 'name'>[],
  refusals: Refusals,
): DataHubError | null {
  const nameOf = (index: number): string => columns[index]?.name ?? '';
  const [first] = refusals.named;
  if (first === undefined) return null;
  const each = refusals.named.map(
    ({ index, key, reason }) =>
      `key ${formatKey(key)}${index === null ? ': the row' : `, column ${nameOf(index)}: the value`} ${reason}`,
  );
  if (first.index === null) return refusal(view, each.join('; '), null, shorterRow(view.name));
  const column = nameOf(first.index);
  if (refusals.isWholeColumn(first.index)) {
    return refusal(view, each.join('; '), column, adviceForColumn(view, column, first.reason));
  }
  const indexes = refusals.named.flatMap(({ index }) => index ?? []);
  const names = [...new Set(indexes.map(nameOf))];
  const others = names.filter((name) => name !== view.keyColumn);
  return refusal(view, each.join('; '), column, policyAdvice(view.name, others));
}

function adviceForColumn(view: SourceView, column: string, reason: string): string {
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
 * the range of keys until one row is left, in the same snapshot. Returns the `bad_data` error to throw, or null if no key identifies the row.
 */
export async function findUnreadable(
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
    // As the COPY does, textsend converts the text to the encoding of the client, which fails on bytes that are no text.
    const sent = expressions.map((expression, i) => `textsend((${expression})::text) as c${i}`);
    const written = writtenRows(view.textSettings, {
      columns: copiedColumns(view),
      from,
      write: (computed) => `select ${sent.join(', ')} from ${computed}`,
    });
    const text = `select ${expressions.map((_, i) => `count(c${i})`).join(', ')} from (${written}) rows`;
    return (await attempt(client, () => client.query(text, values))).failure;
  };
  const keyAt = async (range: KeyRange, offset: number): Promise<string | null> => {
    const { from, values } = within(range);
    const text = `select ${key}::text as key from ${from} order by ${key} offset ${offset} limit 1`;
    const { result } = await attempt(client, () => client.query(text, values));
    return (result?.rows[0]?.key as string | undefined) ?? null;
  };

  const columns = columnsOf(view, rows);
  const all = columns.map(({ plan }) => plan.copied);
  let range: KeyRange = { from: null, to: null };
  const counted = await attempt(client, () =>
    client.query(`select count(*) as count from ${within(range).from}`, within(range).values),
  );
  // It fails before any column is computed, in a condition or a join, so that no key finds the row.
  if (counted.result === null) return null;
  let count = Number(counted.result.rows[0]?.count as bigint);
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
  for (const { name, plan } of columns) {
    const failure = await failureOf([plan.copied], range);
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

function refusal(
  { name: view }: SourceView,
  what: string,
  column: string | null,
  advice: string,
): DataHubError {
  const context = column === null ? { view } : { view, column };
  return new DataHubError('bad_data', `view ${view}: ${what}`, { advice, context });
}
