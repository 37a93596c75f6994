import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type DataHubError, isProgrammingError } from '../errors.ts';
import type { Slice } from '../model/slice.ts';
import { CopyMessages } from '../postgres/copy-messages.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { destroyConnection } from '../postgres/unresponsive.ts';
import { KEY_SETTING } from './collapse.ts';
import type { ColumnPlan } from './decode/column-plan.ts';
import type { CopyShape } from './decode/encode-rows.ts';
import type { SourceView } from './describe-view.ts';
import { hasIntegerKey, sliceConditions } from './plan-slices.ts';
import type { SourceColumn } from './source-column.ts';
import { writtenRows } from './text-settings.ts';

/**
 * The rows to read: those whose keys the capture found, or a slice of the whole view. `isDirectLoad` says that a load job brings
 * the slice straight into the target.
 */
export type RowSet = { kind: 'captured' } | { kind: 'slice'; slice: Slice; isDirectLoad: boolean };

const binaryCopyOf = (query: string): string => `copy (${query}) to stdout (format binary)`;

/** The name of the action beside all columns of a view. No column of a view can have it (`columnNameFaults`). */
const ACTION = quoteIdentifier('action.');

const settingArray = (setting: string, view: SourceView): string =>
  `unnest(current_setting('${setting}')::${view.keyType.sqlType}[])`;

/** SQL for a FROM clause that gives the rows to read: the view as `v`, and the action for counting as `k.action`. */
export function rowsOf(view: SourceView, rows: RowSet): string {
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  if (rows.kind === 'captured') {
    return `(
      select key, 'added' as action from ${settingArray(KEY_SETTING.added, view)} as key
      union all
      select key, 'changed' from ${settingArray(KEY_SETTING.changed, view)} as key
    ) k join ${view.relation} v on ${key} = k.key`;
  }
  const bounds = sliceConditions(rows.slice, key, view);
  const where = bounds.length === 0 ? '' : ` where ${bounds.join(' and ')}`;
  return `(select 'loaded' as action) k cross join ${view.relation} v${where}`;
}

const isDirectLoad = (rows: RowSet): boolean => rows.kind === 'slice' && rows.isDirectLoad;

/** The columns to read. Streamed rows must lie in the date range that streaming accepts; directly loaded rows need not. */
export const columnsOf = (view: SourceView, rows: RowSet): SourceColumn[] =>
  isDirectLoad(rows) ? view.columns : view.changeColumns;

/** SQL for the values of the view `v` that are copied. */
export const copiedColumns = (view: SourceView): string =>
  view.columns.map(({ name }) => `v.${quoteIdentifier(name)}`).join(', ');

/** The COPY statement for the upserts of a batch, in the binary form that the encoder of `upsertRows` reads. */
export function upsertsStatement(view: SourceView, rows: RowSet): string {
  return binaryCopyOf(upsertsQuery(view, rows));
}

/** The same statement without rows: PostgreSQL checks its names, its types and the rights of the role. */
export function emptyUpsertsStatement(view: SourceView, rows: RowSet): string {
  return binaryCopyOf(`${upsertsQuery(view, rows)} limit 0`);
}

/** What an encoder must know of the rows that `upsertsStatement` copies. */
export const upsertRows = (view: SourceView, rows: RowSet): CopyShape => ({
  columns: plansOf(view, rows),
  ...keyOf(view),
  isKeyOnly: false,
  action: rows.kind === 'slice' ? 'loaded' : null,
});

const plansOf = (view: SourceView, rows: RowSet): ColumnPlan[] =>
  columnsOf(view, rows).map(({ plan }) => plan);

const keyOf = (view: SourceView) => ({ keyIndex: keyIndexOf(view), isIntegerKey: hasIntegerKey(view) });

const keyIndexOf = (view: SourceView): number =>
  view.columns.findIndex(({ name }) => name === view.keyColumn);

function upsertsQuery(view: SourceView, rows: RowSet): string {
  const plans = plansOf(view, rows);
  const copied = [
    ...plans.map(({ copied: each }) => each),
    ...plans.flatMap(({ counted }) => counted?.copied ?? []),
  ];
  // The binary form of a value depends on no setting.
  const isWritten = plans.some(({ name, copied: each }) => each !== `v.${quoteIdentifier(name)}`);
  const settings = isWritten ? view.textSettings : [];
  const action = settings.length > 0 ? `v.${ACTION}` : 'k.action';
  const selected = [...copied, ...(rows.kind === 'slice' ? [] : [action])];
  return writtenRows(settings, {
    columns: `${copiedColumns(view)}, k.action as ${ACTION}`,
    from: rowsOf(view, rows),
    write: (from) =>
      `select ${selected.map((each, i) => `${each} as c${i}`).join(',\n      ')}\n    from ${from}`,
  });
}

/** The COPY statement for the deletes of a batch: the captured keys that the view does not have. The encoder of `deleteRows` reads it. */
export function deletesStatement(view: SourceView): string {
  const key = quoteIdentifier(view.keyColumn);
  const copied = view.columns[keyIndexOf(view)]?.plan.copied ?? `v.${key}`;
  return binaryCopyOf(`select ${copied} from ${settingArray(KEY_SETTING.deleted, view)} as v (${key})`);
}

/** What an encoder must know of the rows that `deletesStatement` copies. */
export const deleteRows = (view: SourceView): CopyShape => ({
  columns: view.columns.map(({ plan }) => plan),
  ...keyOf(view),
  isKeyOnly: true,
  action: 'deleted',
});

/** The COPY statement for the captured keys that log rows named, one per line. Keys that were only queued are left out. */
export function loggedKeysStatement(view: SourceView): string {
  return `copy (select ${settingArray(KEY_SETTING.logged, view)}) to stdout`;
}

/** Runs a COPY of rows, and passes its messages to `consume`, for a `TupleEncoder`. For the rest see `copyOut`. */
export const copyRows = <T>(
  client: pg.ClientBase,
  statement: string,
  consume: (messages: Readable) => Promise<T>,
  diagnose?: () => Promise<DataHubError | null>,
): Promise<T> => runCopy(client, () => new CopyMessages(statement), consume, diagnose);

/**
 * Runs one COPY, and passes its lines to `consume`, which must read them to the end. Returns the result of `consume`. If a value
 * stops the COPY, it throws `bad_data`: the error that `diagnose` returns, or else PostgreSQL's own message. If `consume` fails,
 * it destroys the connection, because the server would go on sending rows that nobody reads.
 */
export const copyOut = <T>(
  client: pg.ClientBase,
  statement: string,
  consume: (lines: Readable) => Promise<T>,
): Promise<T> => runCopy(client, () => copyTo(statement), consume);

async function runCopy<T>(
  client: pg.ClientBase,
  makeQuery: () => Readable & pg.Submittable,
  consume: (chunks: Readable) => Promise<T>,
  diagnose: () => Promise<DataHubError | null> = async () => null,
): Promise<T> {
  await client.query('savepoint copy_out');
  const chunks = client.query(makeQuery());
  let refusal: unknown;
  chunks.once('error', (error) => {
    refusal = error;
  });
  try {
    return await consume(chunks);
  } catch (error) {
    if (refusal === undefined) {
      destroyConnection(client);
      throw error;
    }
    const refused = fromPostgres(refusal, 'source');
    if (refused.kind !== 'bad_data') throw refused;
    const diagnosed = client.query('rollback to savepoint copy_out').then(diagnose);
    // A value stopped the copy. That stays the error to report, even when the search for its row fails.
    const found = await diagnosed.catch((failure: unknown) => {
      if (isProgrammingError(failure)) throw failure;
      return null;
    });
    throw found ?? refused;
  }
}
