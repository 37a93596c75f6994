import type { AppliedBatch, PastMoment } from '../../shared/control/applied-batches.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Checkpoint } from '../../shared/model/checkpoint.ts';
import type { Moment } from '../../shared/model/consistency.ts';
import { differingColumns } from '../../shared/model/differing-columns.ts';
import { LookSize } from '../../shared/model/look-size.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { ComparedRows } from '../../shared/source/compare-rows.ts';
import type { TargetRowState } from '../../shared/warehouse/compare-rows.ts';
import { checkQuery } from './compared.ts';
import type { LeasedCheck } from './leased-check.ts';
import type { DifferentRow } from './look-at-keys.ts';

/** What the history of a target tells of a row. */
export type RowHistory = {
  /** Whether somebody else has changed the row since a batch of the view last carried it; null if the history does not tell. */
  isChanged: boolean | null;
  /** The batch that last wrote the row; null if none is known. */
  etlTransactionId: bigint | null;
  /** What was covered when the row was last carried; null if that is not known. */
  carried: Checkpoint | null;
};

/** By default BigQuery remembers so long: https://cloud.google.com/bigquery/docs/time-travel. What it no longer knows it refuses. */
const WINDOW_DAYS = 7;
/** A check looks at this many moments of the past at most, and reads the target once for each. */
export const MAX_MOMENTS = 8;

type States = ReadonlyMap<string, TargetRowState[]>;
/** The rows as they were at a moment. */
type Past = { moment: PastMoment; states: States };

/**
 * Compares rows of the target with what they were when a batch last carried them. A row that the target does not have at all has no such batch: it is
 * looked for in the last batches, and in the last moments at which the target had every row. Nothing of the past is read of a streamed target.
 */
export async function readHistory(
  leased: LeasedCheck,
  compared: ComparedRows,
  rows: readonly DifferentRow[],
  { targetAsOf }: Moment,
  dependencies: Dependencies,
): Promise<Map<string, RowHistory>> {
  const { view, columns } = compared;
  const { appliedBatches } = dependencies.control;
  const keys = rows.map(({ key }) => key);
  const size = new LookSize(view.name);
  const readAt = (time: string) => readStates(leased, compared, { time, keys, size }, dependencies);
  const present = leased.viewSource.loadType === 'merge' ? await readAt(targetAsOf) : null;
  const batchOf = ({ key, etlTransactionId }: DifferentRow): bigint | null =>
    present?.get(key)?.[0]?.etlTransactionId ?? etlTransactionId;
  const ids = [...new Set(rows.flatMap((row) => batchOf(row) ?? []))];
  const applied = await appliedBatches.withIds(view.name, ids);
  const batches = new Map(applied.map((batch) => [batch.etlTransactionId, batch]));
  const carrying = mostFrequent(rows.flatMap((row) => batches.get(batchOf(row) ?? NO_BATCH) ?? []));
  const isAnyAbsent = keys.some((key) => present?.has(key) === false);
  const complete = isAnyAbsent ? await appliedBatches.complete(view.name, WINDOW_DAYS) : [];
  const latest = isAnyAbsent ? await appliedBatches.latest(view.name, WINDOW_DAYS, MAX_MOMENTS) : [];
  const moments = present === null ? [] : momentsBefore(targetAsOf, [...complete, ...carrying, ...latest]);
  const past: Past[] = [];
  for (const moment of moments) {
    const states = await readAt(moment.time);
    if (states !== null) past.push({ moment, states });
  }
  return new Map(
    rows.map((row): [string, RowHistory] => {
      const etlTransactionId = batchOf(row);
      const batch = batches.get(etlTransactionId ?? NO_BATCH);
      const known = { etlTransactionId, carried: batch?.checkpoint ?? null };
      // Every batch writes its number into its rows.
      if (row.target !== null && etlTransactionId === null) return [row.key, { ...known, isChanged: true }];
      if (present === null) return [row.key, { ...known, isChanged: null }];
      const [now] = present.get(row.key) ?? [];
      if (now !== undefined)
        return [row.key, { ...known, isChanged: isChangedSince(batch, now, past, columns) }];
      const last = past.find(({ moment }) => complete.includes(moment));
      const isChanged = wasThere(row.key, past) || (last === undefined ? null : false);
      return [row.key, { ...known, carried: last?.moment.checkpoint ?? null, isChanged }];
    }),
  );
}

/** No batch has this number. */
const NO_BATCH = -1n;

/** The moments that history can show, without repetitions, in their order. */
function momentsBefore(targetAsOf: string, moments: readonly PastMoment[]): PastMoment[] {
  const known = new Map<string, PastMoment>();
  const earliest = Date.parse(isoOf(targetAsOf)) - WINDOW_DAYS * 86_400_000;
  for (const moment of moments) {
    if (moment.time >= targetAsOf || Date.parse(isoOf(moment.time)) < earliest) continue;
    if (!known.has(moment.time)) known.set(moment.time, moment);
  }
  return [...known.values()].slice(0, MAX_MOMENTS);
}

const isoOf = (time: string): string => time.replace(' UTC', 'Z').replace(' ', 'T');

function mostFrequent(batches: readonly AppliedBatch[]): AppliedBatch[] {
  return [...Map.groupBy(batches, (batch) => batch).entries()]
    .sort(([, left], [, right]) => right.length - left.length)
    .map(([batch]) => batch);
}

/** Reads rows as they were; null if the time is up, if the rows are too large, or if BigQuery refuses: it does not know the time or the columns any more, or reads too much. */
async function readStates(
  leased: LeasedCheck,
  compared: ComparedRows,
  { time, keys, size }: { time: string; keys: readonly string[]; size: LookSize },
  { clock, log, warehouse }: Dependencies,
): Promise<States | null> {
  const { check, deadline } = leased;
  if (deadline.isNear()) return null;
  const query = checkQuery(
    leased,
    compared,
    { targetAsOf: time },
    `history-${time.replaceAll(/\D/g, '')}-${clock.nowMs()}`,
  );
  try {
    return Map.groupBy(await warehouse.readRowStates(query, keys, size, deadline), ({ key }) => key);
  } catch (error) {
    if (!(error instanceof DataHubError) || !REFUSALS.includes(error.kind)) throw error;
    const reason = error.message;
    log.warn({ view: check.view, check: String(check.id), time, reason }, 'history not read');
    return null;
  }
}

const REFUSALS: readonly string[] = ['warehouse', 'invalid_event'];

/**
 * Whether somebody else changed a row that the target has, since its batch; null if history does not tell. A batch writes its number and its values at
 * once, so that the same number stands for the same values.
 */
function isChangedSince(
  batch: AppliedBatch | undefined,
  now: TargetRowState,
  past: readonly Past[],
  columns: ComparedRows['columns'],
): boolean | null {
  let isSame = false;
  for (const { moment, states } of past) {
    const [then, ...more] = states.get(now.key) ?? [];
    if (then === undefined || more.length > 0 || then.etlTransactionId !== now.etlTransactionId) continue;
    if (then.isDeleted !== now.isDeleted || differingColumns(then, now, columns).length > 0) return true;
    if (moment.time === batch?.time) isSame = true;
  }
  return isSame ? false : null;
}

/** Whether the target once had a row that it does not have now. Batches only mark rows as deleted, and a purge removes marked ones. */
const wasThere = (key: string, past: readonly Past[]): boolean =>
  past.some(({ states }) => states.get(key)?.some(({ isDeleted }) => !isDeleted) === true);
