import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { RowOrder, RowSelection } from '../model/drill.ts';
import type { HashedRow } from '../model/match-rows.ts';
import { isHashed } from '../model/row-text.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import {
  type ComparedRows,
  rangeConditions,
  rowsByKey,
  rowsWritten,
  shownValue,
  textsOf,
} from './compare-rows.ts';
import { copiedColumns } from './fetch.ts';
import { writtenRows } from './text-settings.ts';

/** The setting that holds keys until the end of the transaction, since COPY takes no parameters. */
const KEYS = 'smart_datahub.compared_keys';

/**
 * Yields the selected rows in ascending order of places, in the snapshot of `client`. Their values are those of the columns that no hash proves
 * equal, in order, as they are staged.
 */
export async function* readHashes(
  client: pg.ClientBase,
  compared: ComparedRows,
  order: RowOrder,
  { range, buckets }: RowSelection,
): AsyncGenerator<HashedRow> {
  // No setting decides a key or a bucket: the hashes of other rows are not computed.
  const chosen =
    buckets === 'all' ? [] : [`${textsOf(compared).bucket} = any('{${buckets.join(',')}}'::int8[])`];
  const conditions = [...rangeConditions(compared, range), ...chosen];
  yield* copyHashes(client, rowsWritten(compared, conditions, hashesOf(compared, order)));
}

/** The same for the rows with these keys, given as text, in ascending order of buckets. */
export async function* readHashesByKey(
  client: pg.ClientBase,
  compared: ComparedRows,
  keys: readonly string[],
): AsyncGenerator<HashedRow> {
  const { view } = compared;
  await client.query(`select set_config('${KEYS}', $1::text[]::text, true)`, [keys]);
  const written = writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: rowsByKey(view, `unnest(current_setting('${KEYS}')::text[])`),
    write: hashesOf(compared, 'bucket'),
  });
  yield* copyHashes(client, written);
}

const hashesOf = (compared: ComparedRows, order: RowOrder) => {
  const { key, bucket, hash } = textsOf(compared);
  const place = order === 'key' ? `v.${quoteIdentifier(compared.view.keyColumn)}::int8` : bucket;
  const values = compared.columns.filter((column) => !isHashed(column)).map(shownValue);
  return (from: string): string =>
    `select ${place} as place, ${key} as key, ${hash}::text as hash, array[${values.join(', ')}]::text[] as values from ${from}`;
};

async function* copyHashes(client: pg.ClientBase, written: string): AsyncGenerator<HashedRow> {
  const lines = `select json_build_array(place, key, hash, values) from (${written}) rows order by place`;
  for await (const line of copyLines(client, lines)) {
    const [place, key, hash, values] = JSON.parse(line) as [number, string, string, (string | null)[]];
    yield { place, key, hash, values };
  }
}

/**
 * Writes each JSON object unchanged, one per line. COPY's text format would double the backslashes. JSON escapes control characters,
 * so no line contains this quote or this delimiter.
 */
const AS_LINES = `(format csv, quote e'\\x01', delimiter e'\\x02')`;

async function* copyLines(client: pg.ClientBase, query: string): AsyncGenerator<string> {
  const chunks: Readable = client.query(copyTo(`copy (${query}) to stdout ${AS_LINES}`)).setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of chunks) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw fromPostgres(error, 'source');
  }
}
