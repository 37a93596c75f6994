import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type Checkpoint, markHorizons, oldestUnmarked, type Witness } from '../model/checkpoint.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { assertLogTable } from './log-table.ts';
import { readOldestTransaction } from './oldest-transaction.ts';
import { assertNewEnough, SERVER_VERSION, type ServerVersion } from './server-version.ts';

/**
 * Draws a marker for all horizons that have none and are at least the grace period old (docs/architecture.md#capture), in a
 * statement and transaction of its own that ends before the capture's snapshot is taken. Safe to repeat: a later marker is just as good.
 * Does nothing on a hot standby, which the capture then refuses. Throws `source_refused` for a server that is too old.
 */
export async function drawMarker(
  pool: pg.Pool,
  checkpoint: Checkpoint,
  graceSeconds: number,
): Promise<Checkpoint> {
  const oldest = oldestUnmarked(checkpoint.horizons);
  if (oldest === null) return checkpoint;
  const { rows } = await inStatement(pool, 'source', DRAW, [
    String(oldest + BigInt(graceSeconds) * 1_000_000n),
  ]);
  const { marker, nowMicros, ...version } = rows[0] as ServerVersion & {
    marker: string | null;
    nowMicros: bigint;
  };
  assertNewEnough(version);
  if (marker === null) return checkpoint;
  const horizons = markHorizons(checkpoint.horizons, { marker: BigInt(marker), nowMicros, graceSeconds });
  return { ...checkpoint, horizons };
}

const CLOCK = '(extract(epoch from clock_timestamp()) * 1000000)::bigint';

/** Draws a marker if the clock, which is read before, has reached the time. Servers that are too old have only the former name of `pg_current_xact_id`. */
const DRAW = `
select "nowMicros", ${SERVER_VERSION},
  case when not pg_is_in_recovery() and "nowMicros" >= $1::int8 then txid_current() end::text as marker
from (select ${CLOCK} as "nowMicros" offset 0) as clock`;

/** The state of the whole change log in the capture's snapshot. */
export type LogState = {
  /** `pg_snapshot_xmin` of the snapshot: every transaction with a lower id has ended. */
  xmin: bigint;
  /** The source's clock, in microseconds since 1970. */
  nowMicros: bigint;
  /** Null if the log is empty. */
  lowestId: bigint | null;
  /** 0 if the log is empty. */
  highestId: bigint;
};

/** SQL for the hash of a log row. It tells a restored source from the one that was read before (see `Witness`). */
const rowHash = (alias: string): string => {
  const [id, date, ...others] = ['id', 'date_created', 'content_type_id', 'object_id', 'action'].map(
    (column) => `${alias}.${column}`,
  );
  return `md5(concat_ws('|', ${[id, isoText(`${date}`), ...others].join(', ')}))`;
};

/**
 * SQL for the text of a timestamp, with or without time zone, in ISO style and UTC, whatever the session sets: the hash is compared with one
 * that another session made. The epoch of both types is exact, and so is a whole number of microseconds.
 */
const isoText = (date: string): string => `case when isfinite(${date}) then
  replace(to_json(timestamp 'epoch' + interval '1 microsecond' * (extract(epoch from ${date}) * 1000000)::bigint) #>> '{}', 'T', ' ')
    || case when pg_typeof(${date}) = 'timestamptz'::regtype then '+00' else '' end
  else ${date}::text end`;

/**
 * Reads the state of the change log in the capture's snapshot. Throws `source_refused`, with advice, if the source cannot be
 * captured exactly: the server is a hot standby; no sequence draws the log ids, or the sequence caches ids, cycles, descends or stands below them; the
 * log is not the one that earlier captures read; its columns cannot be read; or it was pruned too far. `checkpoint` is null when the whole view is copied.
 */
export async function readLogState(
  client: Queryable,
  logTable: string,
  checkpoint: Checkpoint | null,
): Promise<LogState> {
  await assertLogTable(client, logTable);
  const table = quoteIdentifier(logTable);
  const { rows } = await client.query(
    `select pg_is_in_recovery() as standby,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
       ${CLOCK} as "nowMicros",
       (select min(id)::bigint from ${table}) as "lowestId",
       (select max(id)::bigint from ${table}) as "highestId",
       (select ${rowHash('l')} from ${table} l where l.id = $2) as "witnessHash",
       s.seqcache as "cache", s.seqcycle as "cycles", s.seqincrement as "increment", s.name as "sequence",
       case when has_sequence_privilege(s.oid, 'select') then coalesce(pg_sequence_last_value(s.oid), 0) end as "lastDrawn",
       (select min(q.seqrelid)::regclass::text
        from pg_attrdef f join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = f.oid
        join pg_sequence q on p.refclassid = 'pg_class'::regclass and q.seqrelid = p.refobjid
        where f.adrelid = quote_ident($1)::regclass) as "defaultSequence"
     from (select 1) as always
     left join lateral (
       select q.seqrelid as oid, q.seqcache, q.seqcycle, q.seqincrement, q.seqrelid::regclass::text as name
       from pg_sequence q
       where q.seqrelid = pg_get_serial_sequence(quote_ident($1), 'id')::regclass
     ) s on true`,
    [logTable, checkpoint?.witness?.id ?? null],
  );
  const row = rows[0] as LogState & {
    standby: boolean;
    witnessHash: string | null;
    cache: bigint | null;
    cycles: boolean;
    increment: bigint;
    sequence: string | null;
    defaultSequence: string | null;
    lastDrawn: bigint | null;
    highestId: bigint | null;
  };
  const state: LogState = { ...row, highestId: row.highestId ?? 0n };
  if (row.standby) {
    throw refused(
      'the source is a hot standby: its snapshots do not list running transactions, so late log rows would be lost',
      `Point SOURCE_DATABASE_URL at the primary. ${RESUME}`,
    );
  }
  if (row.sequence === null) {
    throw refused(
      `no sequence owned by ${logTable} draws its ids`,
      row.defaultSequence === null
        ? `Let a sequence draw the ids: sql/README.md#what-the-source-must-have. ${RESUME}`
        : `Run: alter sequence ${row.defaultSequence} owned by ${logTable}.id; ${RESUME}`,
    );
  }
  if (row.cycles || row.increment < 1n) {
    throw refused(
      `sequence ${row.sequence} cycles or descends: a later id may be lower than ids that were already captured`,
      `Run: alter sequence ${row.sequence} increment by 1 no cycle; ${RESUME}`,
    );
  }
  if (row.cache !== null && row.cache > 1n) {
    throw refused(
      `sequence ${row.sequence} has CACHE ${row.cache}: a session may use a cached id at any later time, below ids that were already captured`,
      `Run: alter sequence ${row.sequence} cache 1; Then reconnect the application. ${RESUME}`,
    );
  }
  // Read after the snapshot was taken, so that it cannot be below a visible row that the sequence drew.
  if (row.lastDrawn !== null && row.lastDrawn < state.highestId) {
    throw refused(
      `sequence ${row.sequence} stands at ${row.lastDrawn}, below id ${state.highestId} of ${logTable}: later log rows get ids that were already captured`,
      `Run: select setval(${quoteLiteral(row.sequence)}, ${state.highestId}); Then resync the view.`,
    );
  }
  if (checkpoint !== null) {
    assertSameLog(logTable, checkpoint, state, { hash: row.witnessHash, lastDrawn: row.lastDrawn });
    assertDrawn(logTable, checkpoint, row.lastDrawn);
  }
  return state;
}

function assertSameLog(
  logTable: string,
  checkpoint: Checkpoint,
  log: LogState,
  found: { hash: string | null; lastDrawn: bigint | null },
): void {
  const { witness } = checkpoint;
  if (witness === null) return;
  const isBehind =
    (log.lowestId !== null && log.highestId < witness.id) || (found.lastDrawn ?? witness.id) < witness.id;
  if (isBehind || (found.hash !== null && found.hash !== witness.hash)) {
    throw refused(
      isBehind
        ? `${logTable} ends at id ${log.highestId}, but id ${witness.id} was already captured`
        : `row ${witness.id} of ${logTable} is not the row that was captured under that id`,
      'The source was restored from a backup or failed over to a server that was behind. Resync the view.',
    );
  }
  if (found.hash !== null) return;
  const firstUncovered = firstUncoveredId(checkpoint);
  const isPruned =
    log.lowestId === null ? (found.lastDrawn ?? witness.id) > witness.id : log.lowestId > firstUncovered;
  if (isPruned) {
    throw refused(
      `${logTable} was pruned too far: it ${log.lowestId === null ? 'is empty' : `begins at id ${log.lowestId}`}, but ids from ${firstUncovered} on are not captured yet`,
      'Resync the view. Prune only rows that every view has captured; see sql/README.md#pruning-the-change-log.',
    );
  }
}

/** A floor above every id that exists would pass later log rows by. */
function assertDrawn(logTable: string, { floorId }: Checkpoint, lastDrawn: bigint | null): void {
  if (lastDrawn === null || floorId <= lastDrawn) return;
  throw refused(
    `the checkpoint covers ids up to ${floorId}, but the sequence of ${logTable} has drawn none above ${lastDrawn}`,
    'The source was restored from a backup, or somebody wrote to etl.checkpoint. Resync the view.',
  );
}

/**
 * The lowest id that the checkpoint does not prove to be covered. A floor that only the present snapshot proves does not count: a
 * row below it may have been committed and pruned since the last capture.
 */
function firstUncoveredId({ floorId, seen }: Checkpoint): bigint {
  // The text of a multirange lists its ranges in order, each as [low,high).
  for (const [, low, high] of seen.matchAll(/\[(-?\d+),(-?\d+)\)/g)) {
    if (low === undefined || high === undefined || BigInt(high) <= floorId + 1n) continue;
    return BigInt(low) <= floorId + 1n ? BigInt(high) : floorId + 1n;
  }
  return floorId + 1n;
}

const RESUME = 'Then resume the view.';

function refused(message: string, advice: string): DataHubError {
  return new DataHubError('source_refused', message, { advice });
}

/** Reads the highest log row up to `id` as a witness. Returns null if no such row is left. */
export async function readWitness(client: Queryable, logTable: string, id: bigint): Promise<Witness | null> {
  const { rows } = await client.query(
    `select l.id::bigint as id, ${rowHash('l')} as hash from ${quoteIdentifier(logTable)} l
     where l.id <= $1 order by l.id desc limit 1`,
    [id],
  );
  return (rows[0] as Witness | undefined) ?? null;
}

/** Logs a warning that the floor has not moved, with the oldest running transaction. */
export async function warnOfStuckFloor(
  client: Queryable,
  log: Logger,
  view: string,
  stuckSeconds: number,
): Promise<void> {
  log.warn({ view, stuckSeconds, oldestTransaction: await readOldestTransaction(client) }, 'floor stuck');
}
