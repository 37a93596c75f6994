import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { BucketSum } from '../model/buckets.ts';
import type { KeyRange } from '../model/drill.ts';
import { LookSize } from '../model/look-size.ts';
import type { RowTextOptions } from '../model/row-text.ts';
import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import { copiedColumns } from './fetch.ts';
import { rowTextSql } from './row-text-sql.ts';
import type { SourceColumn } from './source-column.ts';
import { readStreamingWindow } from './streaming-window.ts';
import { writtenRows } from './text-settings.ts';

/** Which columns of which rows of a view are compared. */
export type ComparedRows = {
  view: SourceView;
  columns: readonly SourceColumn[];
  buckets: number;
  options: RowTextOptions;
};

/** What decides the texts of the view's rows, in the snapshot of `client`. */
export async function readRowTextOptions(client: pg.ClientBase, source: ViewSource): Promise<RowTextOptions> {
  const { rows } = await client.query('show server_encoding');
  return {
    isUtf8: rows[0].server_encoding === 'UTF8',
    window: await readStreamingWindow(client, source),
  };
}

/** Counts the rows of each bucket of a range of keys, and XORs their hashes, in the snapshot of `client`. Throws `bad_data` for a NULL key. */
export async function sumBuckets(
  client: pg.ClientBase,
  compared: ComparedRows,
  range: KeyRange,
): Promise<BucketSum[]> {
  const { bucket, hash } = textsOf(compared);
  const hashed = rowsWritten(
    compared,
    rangeConditions(compared, range),
    (from) => `select ${bucket} as bucket, ${hash} as hash from ${from}`,
  );
  const { rows } = await client.query(
    `select bucket::int4 as bucket, count(*)::int4 as rows, bit_xor(hash) as hash from (${hashed}) hashed group by bucket`,
  );
  if (rows.every(({ bucket }) => bucket !== null)) return rows as BucketSum[];
  const { name, keyColumn } = compared.view;
  throw new DataHubError('bad_data', `view ${name}: key ${keyColumn} is NULL in some rows`, {
    context: { view: name, column: keyColumn },
    advice: 'Change the view so that each of its rows has a key. Then check it again.',
  });
}

/** A row of one side. The texts are those by which its hashed columns are compared, and the values are all its columns as JSON. */
export type ComparedRow = { key: string; texts: (string | null)[]; values: (string | null)[] };

/** So that rows that are too large are noticed before all of them are in memory. */
const KEYS_PER_QUERY = 1000;

/**
 * Reads rows of the view by their keys, in the snapshot of `client`. A key that the view has twice gives two rows. Throws `invalid_event` if the rows are too
 * large.
 */
export async function readComparedRows(
  client: pg.ClientBase,
  { view, columns, options }: Omit<ComparedRows, 'buckets'>,
  keys: readonly string[],
): Promise<ComparedRow[]> {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  const { texts } = rowTextSql(view, columns, options);
  const list = (each: readonly string[]) => `array[${each.join(', ')}]::text[]`;
  const written = writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: rowsByKey(view, 'unnest($1::text[])'),
    write: (from) =>
      `select ${key}::text as key, ${list(texts)} as texts, ${list(columns.map(shownValue))} as values from ${from}`,
  });
  const size = new LookSize(view.name);
  const found: ComparedRow[] = [];
  for (let from = 0; from < keys.length; from += KEYS_PER_QUERY) {
    const some = keys.slice(from, from + KEYS_PER_QUERY);
    const { rows } = await client.query(`select key, texts, values from (${written}) rows`, [some]);
    for (const row of rows as ComparedRow[]) {
      size.add(row);
      found.push(row);
    }
  }
  return found;
}

export const textsOf = ({ view, columns, options, buckets }: ComparedRows) => {
  const { bucket, ...texts } = rowTextSql(view, columns, options);
  return { ...texts, bucket: bucket(buckets) };
};

/** SQL for the value of a column as it is staged, as text. JSON's null is staged like SQL's NULL. */
const stagedText = ({ expression }: SourceColumn): string => `nullif(to_json(${expression})::text, 'null')`;

/** The same for a value that may stop a batch: its row must be read all the same. */
export function shownValue(column: SourceColumn): string {
  const { name, unrepresentable, nullArray } = column;
  const stops = [unrepresentable, nullArray].flatMap((each) => (each?.policy === 'stop' ? [each.when] : []));
  if (stops.length === 0) return stagedText(column);
  const value = `v.${quoteIdentifier(name)}`;
  return `case when ${stops.join(' or ')} then to_json(${value}::text)::text else ${stagedText(column)} end`;
}

/** SQL for the rows of the view whose keys `keys` lists as text, as `v`. */
export const rowsByKey = ({ keyColumn, keyType, relation }: SourceView, keys: string): string =>
  `(select v.* from ${keys} k (text) join ${relation} v on v.${quoteIdentifier(keyColumn)} = (${keyType.fromText('k.text')})) v`;

/** SQL for the conditions that the key of a row in the range meets. */
export function rangeConditions({ view }: Pick<ComparedRows, 'view'>, { from, to }: KeyRange): string[] {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  return [...(from === null ? [] : [`${key} >= ${from}`]), ...(to === null ? [] : [`${key} < ${to}`])];
}

/** The rows of the view that meet the conditions. */
export function rowsWritten(
  { view }: Pick<ComparedRows, 'view'>,
  conditions: readonly string[],
  write: (from: string) => string,
): string {
  const where = conditions.join(' and ');
  return writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: where === '' ? `${view.relation} v` : `(select v.* from ${view.relation} v where ${where}) v`,
    write,
  });
}
