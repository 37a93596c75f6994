import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { type Checkpoint, maturedFloor, NOTHING_SEEN, nextCheckpoint } from '../model/checkpoint.ts';
import { formatKey } from '../model/format-key.ts';
import { thenResume } from '../model/resume-advice.ts';
import { type Slice, WHOLE } from '../model/slice.ts';
import { atOnce } from '../postgres/at-once.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { readLogState, readWitness } from './change-log.ts';
import { type Collapsed, collapseStatement } from './collapse.ts';
import type { SourceView } from './describe-view.ts';
import { sliceConditions } from './plan-slices.ts';
import { isTriggerLog } from './trigger-log.ts';
import { readVisibleIds } from './visible-ids.ts';

export type CaptureOptions = {
  logTable: string;
  /** The batch is cut if it has more log rows of the view than this. */
  maxLogRows: number;
  /** The batch is cut if it reads more log rows of any table than this: a view that is far behind must still be read in time. */
  maxReadRows: number;
  /** At most so many rows are fetched because they may have lost their lookup row (`Collapsed.unnamedNulls`). */
  maxNullRows: number;
  /** Keys, as text, to fetch even if no log row names them. */
  queuedKeys: string[];
};

/** What a capture found, and the checkpoint that holds once its batch is applied. */
export type Capture = Omit<Collapsed, 'seen' | 'duplicateKeys' | 'oldestChangeMs'> & {
  /** The date of the oldest of its log rows; null if there are none. */
  oldestChangeAt: Date | null;
  next: Checkpoint;
};

/**
 * Reads, in the snapshot of `client`, which rows of the view may have changed since `checkpoint`, and computes the next checkpoint
 * (docs/architecture.md#capture). The keys stay on the server, for the fetch in the same transaction. Throws `source_refused` if
 * the log cannot be captured exactly, and `bad_data` if the view has a key more than once.
 */
export async function capture(
  client: pg.ClientBase,
  view: SourceView,
  checkpoint: Checkpoint,
  options: CaptureOptions,
): Promise<Capture> {
  const [log, isOfTriggers] = await atOnce(client, () => [
    readLogState(client, options.logTable, checkpoint),
    isTriggerLog(client, options.logTable),
  ]);
  const maturedFloorId = maturedFloor(checkpoint, log.xmin);
  const { text, values } = collapseStatement(isOfTriggers ? withLoggedNulls(view) : view, options.logTable, {
    floorId: checkpoint.floorId,
    seen: checkpoint.seen,
    maturedFloorId,
    maxLogRows: options.maxLogRows,
    maxReadRows: options.maxReadRows,
    queuedKeys: options.queuedKeys,
    maxNullRows: options.maxNullRows,
  });
  const [{ rows }, lastRow] = await atOnce(client, () => [
    client.query(text, values),
    readWitness(client, options.logTable, log.highestId),
  ]);
  const { seen, duplicateKeys, oldestChangeMs, ...found } = rows[0] as Collapsed;
  if (duplicateKeys !== null) throw duplicates(view, duplicateKeys);
  const { cutId } = found;
  const next = nextCheckpoint(checkpoint, {
    ...{ maturedFloorId, seen, cutId, highestId: log.highestId, atMicros: log.nowMicros },
    witness: cutId === null ? lastRow : await readWitness(client, options.logTable, cutId),
  });
  const oldestChangeAt = oldestChangeMs === null ? null : new Date(Number(oldestChangeMs));
  return { ...found, oldestChangeAt, next };
}

/** Triggers log the rows of the main table whose foreign key becomes NULL when a row of a lookup is deleted. */
const withLoggedNulls = (view: SourceView): SourceView => ({
  ...view,
  logged: view.logged.map((table) =>
    table.reference === null ? table : { ...table, reference: { ...table.reference, isNullable: false } },
  ),
});

/**
 * Computes the first checkpoint of a view, in the snapshot in which all rows of the view are then copied. Every visible log id is in `seen`,
 * as ranges of consecutive ids; `seen` shrinks when the first horizon matures. Throws `source_refused` as `capture` does. Whoever copies the
 * rows must find out whether each has a key of its own (`assertUniqueKeys`).
 */
export async function captureInitial(client: pg.ClientBase, logTable: string): Promise<Checkpoint> {
  const log = await readLogState(client, logTable, null);
  const seen = await readVisibleIds(client, logTable);
  const nothing: Checkpoint = { floorId: 0n, seen: NOTHING_SEEN, horizons: [], witness: null };
  return nextCheckpoint(nothing, {
    ...{ maturedFloorId: 0n, cutId: null, highestId: log.highestId, atMicros: log.nowMicros },
    seen,
    witness: await readWitness(client, logTable, log.highestId),
  });
}

/** Throws `bad_data` if a key of the slice, or of the whole view, is NULL or not unique. Reads all its rows. */
export async function assertUniqueKeys(
  client: pg.ClientBase,
  view: SourceView,
  slice: Slice = WHOLE,
): Promise<void> {
  const conditions = sliceConditions(slice, quoteIdentifier(view.keyColumn), view);
  const duplicated = await duplicateKeys(client, view, conditions);
  if (duplicated.length > 0) throw duplicates(view, duplicated);
}

/** Returns up to five keys, as text, that the view has more than once, or `NULL`, among its rows that meet all conditions. Reads them all. */
export async function duplicateKeys(
  client: Queryable,
  { keyColumn, relation }: Pick<SourceView, 'keyColumn' | 'relation'>,
  conditions: readonly string[] = [],
): Promise<string[]> {
  const key = quoteIdentifier(keyColumn);
  const { rows } = await client.query(
    `select coalesce(${key}::text, 'NULL') as key from ${relation}
     ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     group by ${key} having count(*) > 1 or ${key} is null limit 5`,
  );
  return rows.map((row) => row.key as string);
}

/** Whether a row of the view has no key. PostgreSQL knows it from the index of the primary key, where the view shows that. */
export async function hasNullKey(
  client: pg.ClientBase,
  { keyColumn, relation }: SourceView,
): Promise<boolean> {
  const { rows } = await client.query(
    `select exists (select from ${relation} where ${quoteIdentifier(keyColumn)} is null) as found`,
  );
  return rows[0].found as boolean;
}

export async function isEmptyView(client: pg.ClientBase, view: SourceView): Promise<boolean> {
  const { rows } = await client.query(`select not exists (select from ${view.relation}) as "isEmpty"`);
  return rows[0].isEmpty as boolean;
}

function duplicates(view: SourceView, keys: string[]): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view.name}: key ${view.keyColumn} is NULL or not unique, for example ${keys.map(formatKey).join(', ')}`,
    {
      context: { view: view.name, column: view.keyColumn },
      advice: `Change the view so that it has exactly one row for each key. ${thenResume(view.name)}`,
    },
  );
}
