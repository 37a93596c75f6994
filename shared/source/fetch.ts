import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type DataHubError, isProgrammingError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { destroyConnection } from '../postgres/unresponsive.ts';
import { KEY_SETTING } from './collapse.ts';
import type { SourceColumn, SourceView } from './describe-view.ts';

/** A part of a view: rows whose key lies in [from, to), null for open ends. Of integer keys only. */
export type Slice = { from: bigint | null; to: bigint | null };

/**
 * The rows that the capture named, or a part of the whole view; `isDirectLoad` when a load job brings it straight into a
 * streamed target.
 */
export type RowSet = { kind: 'captured' } | { kind: 'slice'; slice: Slice; isDirectLoad: boolean };

/** One JSON object a line, without rewriting what JSON escapes: no value holds the quote or the delimiter. */
const AS_LINES = `(format csv, quote e'\\x01', delimiter e'\\x02')`;

const settingArray = (setting: string, view: SourceView): string =>
  `unnest(current_setting('${setting}')::${view.keyType.sqlType}[])`;

/** The rows to read, as a FROM clause with the view as `v` and the log's hint as `k.action`. */
export function rowsOf(view: SourceView, rows: RowSet): string {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  if (rows.kind === 'captured') {
    return `(
      select key, 'added' as action from ${settingArray(KEY_SETTING.added, view)} as key
      union all
      select key, 'changed' from ${settingArray(KEY_SETTING.changed, view)} as key
    ) k join ${view.relation} v on ${key} = k.key`;
  }
  const { from, to } = rows.slice;
  const bounds = [
    ...(from === null ? [] : [`${key} >= ${from}`]),
    ...(to === null ? [] : [`${key} < ${to}`]),
  ];
  const where = bounds.length === 0 ? '' : ` where ${bounds.join(' and ')}`;
  return `(select 'loaded' as action) k cross join ${view.relation} v${where}`;
}

/** The batch that rows are copied for: what it writes into each of them. */
export type RowBatch = { id: bigint; startedAt: Date };

const isDirectLoad = (rows: RowSet): boolean => rows.kind === 'slice' && rows.isDirectLoad;

/** What is streamed must lie in the window that streaming accepts; what is loaded need not. */
export const columnsOf = (view: SourceView, rows: RowSet): SourceColumn[] =>
  isDirectLoad(rows) ? view.columns : view.changeColumns;

/**
 * Copies the upserts of a batch out of the source, each row already in its staged form: with its action, or, where it is loaded
 * straight into a streamed target, with all of the target's columns.
 */
export function upsertsStatement(view: SourceView, rows: RowSet, batch: RowBatch): string {
  const columns = columnsOf(view, rows).map(
    ({ name, expression }) => `${expression} as ${quoteIdentifier(name)}`,
  );
  const technical = isDirectLoad(rows)
    ? `${quoteLiteral(batch.startedAt.toISOString())} as update_at`
    : 'k.action';
  return `copy (select row_to_json(r) from (
    select ${[...columns, technical, `${batch.id} as etl_transaction_id`].join(',\n      ')}
    from ${rowsOf(view, rows)}) r) to stdout ${AS_LINES}`;
}

/** Copies the captured keys that the view does not have. */
export function deletesStatement(view: SourceView, etlTransactionId: bigint): string {
  const key = quoteIdentifier(view.keyColumn);
  const form = view.columns.find(({ name }) => name === view.keyColumn)?.expression ?? `v.${key}`;
  return `copy (select row_to_json(r) from (
    select ${form} as ${key}, 'deleted' as action, ${etlTransactionId} as etl_transaction_id
    from ${settingArray(KEY_SETTING.deleted, view)} as v (${key})) r) to stdout ${AS_LINES}`;
}

/** Copies the captured keys that the log named, one a line. */
export function loggedKeysStatement(view: SourceView): string {
  return `copy (select ${settingArray(KEY_SETTING.logged, view)}) to stdout`;
}

/**
 * Runs one COPY and hands its lines to `consume`, which must read them to the end. Returns what `consume` returns. A value
 * that stops it throws `bad_data`: what `diagnose` finds out about it, else PostgreSQL's own words. When `consume` fails the connection
 * is given up, since nobody reads what the server still sends.
 */
export async function copyOut<T>(
  client: pg.ClientBase,
  statement: string,
  consume: (lines: Readable) => Promise<T>,
  diagnose: () => Promise<DataHubError | null> = async () => null,
): Promise<T> {
  await client.query('savepoint copy_out');
  const lines = client.query(copyTo(statement));
  let refusal: unknown;
  lines.once('error', (error) => {
    refusal = error;
  });
  try {
    return await consume(lines);
  } catch (error) {
    if (refusal === undefined) {
      destroyConnection(client);
      throw error;
    }
    const refused = fromPostgres(refusal, 'source');
    if (refused.kind !== 'bad_data') throw refused;
    const diagnosed = client.query('rollback to savepoint copy_out').then(diagnose);
    // That a value stopped the copy is known, even when looking for its row fails.
    const found = await diagnosed.catch((failure: unknown) => {
      if (isProgrammingError(failure)) throw failure;
      return null;
    });
    throw found ?? refused;
  }
}

/** Cuts a large view into slices of about `sliceRows` rows by its integer key; one open slice otherwise. */
export async function planSlices(
  client: pg.ClientBase,
  view: SourceView,
  limits: { sliceRows: number; maxSlices: number },
): Promise<Slice[]> {
  const whole: Slice[] = [{ from: null, to: null }];
  if (!['smallint', 'integer', 'bigint'].includes(view.keyType.sqlType)) return whole;
  const { rows } = await client.query(
    `select c.reltuples::float8 as "tableRows" from pg_class c where c.oid = $1::regclass`,
    [view.mainTable],
  );
  const count = Math.min(limits.maxSlices, Math.ceil((rows[0].tableRows as number) / limits.sliceRows));
  if (count < 2) return whole;
  const key = quoteIdentifier(view.primaryKey);
  const bounds = await client.query(
    `select min(${key})::int8 as low, max(${key})::int8 as high from ${view.mainTable}`,
  );
  const { low, high } = bounds.rows[0] as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return whole;
  const cuts = Array.from(
    { length: count - 1 },
    (_, i) => low + ((high - low) * BigInt(i + 1)) / BigInt(count),
  );
  return [null, ...cuts].map((from, i) => ({ from, to: cuts[i] ?? null }));
}
