import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { DataHubError } from '../errors.ts';
import type { BucketSum } from '../model/buckets.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import type { HashedRow } from '../model/match-rows.ts';
import { isHashed, type RowTextOptions } from '../model/row-text.ts';
import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { type Collapsed, collapseStatement, KEY_SETTING } from './collapse.ts';
import type { SourceView } from './describe-view.ts';
import { copiedColumns, copyOf, type Slice } from './fetch.ts';
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

/** Counts the rows of each bucket of a slice of the view, and XORs their hashes, in the snapshot of `client`. Throws `bad_data` for a NULL key. */
export async function sumBuckets(
  client: pg.ClientBase,
  compared: ComparedRows,
  slice: Slice,
): Promise<BucketSum[]> {
  const { bucket, hash } = textsOf(compared);
  const hashed = rowsWritten(
    compared,
    sliceConditions(compared, slice),
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

/**
 * Yields the rows of some buckets, or of all, in ascending order of buckets, in the snapshot of `client`. Their values are those of the columns that
 * no hash proves equal, in order, as they are staged.
 */
export async function* readHashes(
  client: pg.ClientBase,
  compared: ComparedRows,
  buckets: readonly number[] | 'all',
): AsyncGenerator<HashedRow> {
  const { key, bucket, hash } = textsOf(compared);
  const values = compared.columns.filter((column) => !isHashed(column)).map(shownValue);
  const parts = [`${bucket} as bucket`, `${key} as key`, `${hash}::text as hash`];
  // No setting decides a bucket: the hashes of other buckets are not computed.
  const chosen = buckets === 'all' ? [] : [`${bucket} = any('{${buckets.join(',')}}'::int8[])`];
  const written = rowsWritten(
    compared,
    chosen,
    (from) => `select ${parts.join(', ')}, array[${values.join(', ')}]::text[] as values from ${from}`,
  );
  const lines = `select json_build_array(bucket, key, hash, values) from (${written}) rows order by bucket`;
  for await (const line of copyLines(client, lines)) {
    const [number, rowKey, rowHash, rowValues] = JSON.parse(line) as [
      number,
      string,
      string,
      (string | null)[],
    ];
    yield { bucket: number, key: rowKey, hash: rowHash, values: rowValues };
  }
}

/** A row of one side. The texts are those by which its hashed columns are compared, and the values are all its columns as JSON. */
export type ComparedRow = { key: string; texts: (string | null)[]; values: (string | null)[] };

/** Reads rows of the view by their keys, in the snapshot of `client`. A key that the view has twice gives two rows. */
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
    from: `(select v.* from unnest($1::text[]) k (text) join ${view.relation} v on ${key} = (${view.keyType.fromText('k.text')})) v`,
    write: (from) =>
      `select ${key}::text as key, ${list(texts)} as texts, ${list(columns.map(shownValue))} as values from ${from}`,
  });
  const { rows } = await client.query(`select key, texts, values from (${written}) rows`, [keys]);
  return rows as ComparedRow[];
}

/** The column by which an application notes when it changed a row. */
const UPDATED_AT = 'updated_at';

/** The keys of rows that were changed since then, as text, at most `limit`. Throws `invalid_event` for a view that does not have the time. */
export async function readRecentKeys(
  client: pg.ClientBase,
  view: SourceView,
  since: Date,
  limit: number,
): Promise<string[]> {
  const { name, relation, keyColumn } = view;
  const { rowCount } = await client.query(
    'select from pg_attribute where attrelid = $1::regclass and attname = $2 and attnum > 0 and not attisdropped',
    [relation, UPDATED_AT],
  );
  if (rowCount === 0) {
    throw new DataHubError(
      'invalid_event',
      `view ${name} has no column ${UPDATED_AT}, by which "since" finds its rows`,
      {
        context: { view: name },
        advice: 'Check the view as a whole, or with "mode": "keys".',
      },
    );
  }
  const { rows } = await client.query(
    `select ${quoteIdentifier(keyColumn)}::text as key from ${relation} where ${UPDATED_AT} >= $1 limit $2`,
    [since, limit],
  );
  return rows.map((row) => row.key as string);
}

/** What of the log the target need not show yet. */
export type PendingKeys = {
  /** How many keys. */
  count: number;
  /** Whether the log has more rows than were read, so that any key may be pending. */
  isCut: boolean;
};

/**
 * Finds the keys that log rows name which are visible in the snapshot of `client` and not covered by the checkpoint, and the queued ones. They
 * stay on the server until the transaction ends; see `pendingAmong`.
 */
export async function findPendingKeys(
  client: pg.ClientBase,
  view: SourceView,
  checkpoint: Checkpoint,
  { logTable, maxLogRows, queuedKeys }: { logTable: string; maxLogRows: number; queuedKeys: string[] },
): Promise<PendingKeys> {
  const { text, values } = collapseStatement(view, logTable, {
    floorId: checkpoint.floorId,
    seen: checkpoint.seen,
    maturedFloorId: checkpoint.floorId,
    maxLogRows,
    maxReadRows: MAX_READ_ROWS,
    maxNullRows: maxLogRows,
    queuedKeys,
  });
  const { rows } = await client.query(text, values);
  const { upserts, deletes, cutId } = rows[0] as Collapsed;
  return { count: Number(upserts + deletes), isCut: cutId !== null };
}

/** Those of the keys that `findPendingKeys` found in the same transaction. */
export async function pendingAmong(
  client: pg.ClientBase,
  view: SourceView,
  keys: readonly string[],
): Promise<Set<string>> {
  const sets = [KEY_SETTING.added, KEY_SETTING.changed, KEY_SETTING.deleted].map(
    (setting) => `select unnest(current_setting('${setting}')::${view.keyType.sqlType}[])`,
  );
  const { rows } = await client.query(
    `select text from unnest($1::text[]) k (text) where (${view.keyType.fromText('text')}) in (${sets.join(' union all ')})`,
    [keys],
  );
  return new Set(rows.map((row) => row.text as string));
}

/** Reading so many log rows of other tables takes a few seconds. */
const MAX_READ_ROWS = 5_000_000;

const textsOf = ({ view, columns, options, buckets }: ComparedRows) => {
  const { bucket, ...texts } = rowTextSql(view, columns, options);
  return { ...texts, bucket: bucket(buckets) };
};

/** SQL for the value of a column as it is staged, as text. JSON's null is staged like SQL's NULL. */
const stagedText = ({ expression }: SourceColumn): string => `nullif(to_json(${expression})::text, 'null')`;

/** The same for a value that may stop a batch: its row must be read all the same. */
function shownValue(column: SourceColumn): string {
  const { name, unrepresentable, nullArray } = column;
  const stops = [unrepresentable, nullArray].flatMap((each) => (each?.policy === 'stop' ? [each.when] : []));
  if (stops.length === 0) return stagedText(column);
  const value = `v.${quoteIdentifier(name)}`;
  return `case when ${stops.join(' or ')} then to_json(${value}::text)::text else ${stagedText(column)} end`;
}

function sliceConditions({ view }: ComparedRows, { from, to }: Slice): string[] {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  return [...(from === null ? [] : [`${key} >= ${from}`]), ...(to === null ? [] : [`${key} < ${to}`])];
}

/** The rows of the view that meet the conditions. */
function rowsWritten(
  { view }: ComparedRows,
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

async function* copyLines(client: pg.ClientBase, query: string): AsyncGenerator<string> {
  const chunks: Readable = client.query(copyTo(copyOf(query))).setEncoding('utf8');
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
