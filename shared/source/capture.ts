import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { type Checkpoint, maturedFloor, NOTHING_SEEN, nextCheckpoint } from '../model/checkpoint.ts';
import { formatKey } from '../model/format-key.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { type LogState, readLogState, readWitness } from './change-log.ts';
import { type Collapsed, collapseStatement } from './collapse.ts';
import type { SourceView } from './describe-view.ts';

export type CaptureOptions = {
  logTable: string;
  /** A batch with more log rows of the view is cut. */
  maxLogRows: number;
  /** So is one with more log rows of any table: reading them must end in time, however far behind the view is. */
  maxReadRows: number;
  /** Keys to fetch whatever the log says, as text. */
  queuedKeys: string[];
};

export type Capture = Omit<Collapsed, 'seen' | 'duplicateKeys'> & { next: Checkpoint };

/**
 * Reads, in the snapshot of `client`, which rows of the view may have changed since `checkpoint`, and computes the
 * checkpoint that holds once they are applied (design: capture, steps 2 to 4). The keys stay on the server for the fetch in
 * the same transaction. Throws `source_refused`, and `bad_data` for a key that the view has twice.
 */
export async function capture(
  client: pg.ClientBase,
  view: SourceView,
  checkpoint: Checkpoint,
  options: CaptureOptions,
): Promise<Capture> {
  const log = await readLogState(client, options.logTable, checkpoint);
  const maturedFloorId = maturedFloor(checkpoint, log.xmin);
  const { text, values } = collapseStatement(view, options.logTable, {
    floorId: checkpoint.floorId,
    seen: checkpoint.seen,
    maturedFloorId,
    maxLogRows: options.maxLogRows,
    maxReadRows: options.maxReadRows,
    queuedKeys: options.queuedKeys,
  });
  const { rows } = await client.query(text, values);
  const { seen, duplicateKeys, ...found } = rows[0] as Collapsed;
  if (duplicateKeys !== null) throw duplicates(view, duplicateKeys);
  const next = await observed(client, options.logTable, log, checkpoint, {
    maturedFloorId,
    seen,
    cutId: found.cutId,
  });
  return { ...found, next };
}

/**
 * The checkpoint of an initial load, taken from the snapshot in which the rows are then copied. Everything visible is
 * `seen`, as islands; it shrinks at the first mature horizon. Throws `bad_data` for a key that is NULL or stands twice.
 */
export async function captureInitial(
  client: pg.ClientBase,
  view: SourceView,
  logTable: string,
): Promise<Checkpoint> {
  const log = await readLogState(client, logTable, null);
  const key = quoteIdentifier(view.keyColumn);
  const duplicated = await client.query(
    `select coalesce(${key}::text, 'NULL') as key from ${view.relation}
     group by ${key} having count(*) > 1 or ${key} is null limit 5`,
  );
  if (duplicated.rows.length > 0)
    throw duplicates(
      view,
      duplicated.rows.map((row) => row.key as string),
    );
  const { rows } = await client.query(
    `select coalesce(range_agg(ids), '{}')::text as seen from (
       select int8range(min(id), max(id), '[]') as ids
       from (select id::int8, id - row_number() over (order by id) as island from ${quoteIdentifier(logTable)}) numbered
       group by island
     ) islands`,
  );
  const nothing: Checkpoint = { floorId: 0n, seen: NOTHING_SEEN, horizons: [], witness: null };
  return await observed(client, logTable, log, nothing, {
    maturedFloorId: 0n,
    seen: rows[0].seen as string,
    cutId: null,
  });
}

export async function isEmptyView(client: pg.ClientBase, view: SourceView): Promise<boolean> {
  const { rows } = await client.query(`select not exists (select from ${view.relation}) as "isEmpty"`);
  return rows[0].isEmpty as boolean;
}

async function observed(
  client: pg.ClientBase,
  logTable: string,
  log: LogState,
  previous: Checkpoint,
  found: { maturedFloorId: bigint; seen: string; cutId: bigint | null },
): Promise<Checkpoint> {
  return nextCheckpoint(previous, {
    ...found,
    highestId: log.highestId,
    atMicros: log.nowMicros,
    witness: await readWitness(client, logTable, found.cutId ?? log.highestId),
  });
}

function duplicates(view: SourceView, keys: string[]): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view.name}: key ${view.keyColumn} is NULL or not unique, for example ${keys.map(formatKey).join(', ')}`,
    {
      context: { view: view.name, column: view.keyColumn },
      advice: 'Correct the view so that it has one row a key, then resume it.',
    },
  );
}
