import type pg from 'pg';
import { type Checkpoint, maturedFloor, nextCheckpoint } from '../../../shared/model/checkpoint.ts';
import { type Capture, capture } from '../../../shared/source/capture.ts';
import { drawMarker } from '../../../shared/source/change-log.ts';
import { KEY_SETTING } from '../../../shared/source/collapse.ts';
import type { SourceView } from '../../../shared/source/describe-view.ts';
import type { LoggedTable } from '../../../shared/source/logged-tables.ts';
import type { CaptureRules } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE } from './use-source.ts';

/** Makes a capture that breaks one rule on purpose, to show what the rule is for. Every replica needs a new one. */
export type BrokenRule = (pool: pg.Pool) => Partial<CaptureRules>;

/**
 * A checkpoint that is a single value. `remember` is the SQL of the value, which each capture reads in its snapshot. `isCovered` is an
 * SQL condition on a log row: whether earlier captures have covered it, given the last value ($1).
 */
const remembering =
  (remember: string, isCovered: string): BrokenRule =>
  () => {
    let last: string | null = null;
    return {
      drawMarker: async (_pool, checkpoint) => checkpoint,
      capture: async (client, view, _checkpoint, options) => {
        const seen = await seenWhere(client, isCovered, [last]);
        const captured = await capture(
          client,
          view,
          { floorId: 0n, seen, horizons: [], witness: null },
          options,
        );
        const { rows } = await client.query(`select (${remember})::text as last`);
        last = rows[0].last as string;
        return captured;
      },
    };
  };

export const LAST_ID = remembering(`select max(id) from ${LOG_TABLE}`, 'id <= $1::int8');
export const LAST_DATE = remembering(
  `select max(date_created) from ${LOG_TABLE}`,
  'date_created <= $1::timestamptz',
);
export const XMIN_IN_SNAPSHOT = remembering(
  'pg_current_snapshot()',
  'pg_visible_in_snapshot(xmin::text::xid8, $1::pg_snapshot)',
);

/** Marks every horizon at once, with the result of an SQL expression in the capture's snapshot. */
const markingAtOnce =
  (marker: string): BrokenRule =>
  () => ({
    drawMarker: async (_pool, checkpoint) => checkpoint,
    capture: afterwards(async (client, captured) => {
      const { rows } = await client.query(`select (${marker})::text as marker`);
      return withMarkers(captured.next, (given) => given ?? BigInt(rows[0].marker as string));
    }),
  });

export const MARKER_IS_SNAPSHOT_XMAX = markingAtOnce('pg_snapshot_xmax(pg_current_snapshot())');
export const MARKER_AT_CAPTURE = markingAtOnce('pg_current_xact_id()');

export const MARKER_WITHOUT_GRACE: BrokenRule = () => ({
  drawMarker: (pool, checkpoint) => drawMarker(pool, checkpoint, 0),
});

/** A horizon matures when it is old enough, whatever transactions are still running. */
export const MATURE_BY_AGE: BrokenRule = () => ({
  drawMarker: async (pool, checkpoint, graceSeconds) =>
    withMarkers(await drawMarker(pool, checkpoint, graceSeconds), (marker) => marker && 0n),
});

/** A horizon matures when its marker is at most the snapshot's xmax, instead of its xmin. */
export const MATURE_BY_XMAX: BrokenRule = () => ({
  capture: async (client, view, checkpoint, options) => {
    const { rows } = await client.query('select pg_snapshot_xmax(pg_current_snapshot())::text as xmax');
    const xmax = BigInt(rows[0].xmax as string);
    const marked = withMarkers(checkpoint, (marker) => (marker !== null && marker <= xmax ? 0n : marker));
    return await capture(client, view, marked, options);
  },
});

/** Takes all log rows of the first keys, and covers the log up to the last of these rows. */
export const CUT_AT_A_KEY: BrokenRule = () => ({
  capture: async (client, view, checkpoint, options) => {
    const all = await capture(client, view, checkpoint, { ...options, maxLogRows: 1_000 });
    const { rows } = await client.query(
      `select max(id) as "cutId", array_agg(distinct object_id) as keys from ${LOG_TABLE}
       where id > $1 and not id <@ $2::int8multirange and object_id in (
         select object_id from ${LOG_TABLE} where id > $1 and not id <@ $2::int8multirange
         group by object_id order by min(id) limit $3)`,
      [checkpoint.floorId, checkpoint.seen, options.maxLogRows],
    );
    const { cutId, keys } = rows[0] as { cutId: bigint | null; keys: string[] | null };
    if (cutId === null || keys === null || cutId >= (all.next.witness?.id ?? 0n)) return all;
    await setKeys(client, { changed: keys });
    const next = nextCheckpoint(checkpoint, {
      maturedFloorId: checkpoint.floorId,
      seen: `{(${checkpoint.floorId},${cutId}]}`,
      highestId: cutId,
      atMicros: 0n,
      cutId,
      witness: null,
    });
    return { ...all, cutId, next };
  },
});

/** The floor rises as far as the horizons allow, even beyond the cut. */
export const FLOOR_BEYOND_CUT: BrokenRule = () => ({
  capture: afterwards(async (client, { next }, checkpoint) => {
    const { rows } = await client.query('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin');
    return { ...next, floorId: maturedFloor(checkpoint, BigInt(rows[0].xmin as string)) };
  }),
});

/** Every visible log id is in `seen`, even beyond the cut. */
export const SEEN_BEYOND_CUT: BrokenRule = () => ({
  capture: afterwards(async (client, { next }) => ({
    ...next,
    seen: await seenWhere(client, 'id > $1', [next.floorId]),
  })),
});

/** The checkpoint is computed after the rows have been read, from what is visible then. */
export const CHECKPOINT_OF_ANOTHER_SNAPSHOT: BrokenRule = (pool) => ({
  capture: afterwards(async (_client, { next }) => ({
    ...next,
    seen: await seenWhere(pool, 'id > $1', [next.floorId]),
  })),
});

export const SEEN_OF_ONE_TYPE: BrokenRule = () => ({
  capture: afterwards(async (client, { next }) => ({
    ...next,
    seen: await seenWhere(client, `id <@ $1::int8multirange and content_type_id = ${CONTENT_TYPE.item}`, [
      next.seen,
    ]),
  })),
});

/** Applies the last logged action of every key. */
export const LOG_IS_THE_TRUTH: BrokenRule = () => ({
  capture: async (client, view, checkpoint, options) => {
    const captured = await capture(client, view, checkpoint, options);
    const { rows } = await client.query(
      `select coalesce(array_agg(key) filter (where action <> 'deleted'), '{}') as changed,
         coalesce(array_agg(key) filter (where action = 'deleted'), '{}') as deleted
       from (select distinct on (object_id) object_id as key, action from ${LOG_TABLE}
         where id > $1 and not id <@ $2::int8multirange order by object_id, id desc) last`,
      [checkpoint.floorId, checkpoint.seen],
    );
    await setKeys(client, rows[0]);
    return captured;
  },
});

const describing = (change: (view: SourceView) => SourceView): BrokenRule => {
  return () => ({
    capture: (client, view, checkpoint, options) => capture(client, change(view), checkpoint, options),
  });
};

export const TRACKED_OF_SELECT_ONLY = describing((view) => {
  const shown = new Set(['name']);
  const tracked = (table: LoggedTable) => table.trackedColumns.filter((column) => shown.has(column));
  const skipping = (table: LoggedTable) => ({
    ...table,
    skipsUntracked: true,
    trackedColumns: tracked(table),
  });
  return { ...view, logged: view.logged.map(skipping) };
});

export const KEYS_AS_TEXT = describing((view) => {
  const keyType = { sqlType: 'text', fromText: (text: string) => text };
  return { ...view, keyType, logged: view.logged.map((table) => ({ ...table, keyType })) };
});

/** Runs the real capture and then changes its checkpoint. */
function afterwards(
  change: (client: pg.ClientBase, captured: Capture, checkpoint: Checkpoint) => Promise<Checkpoint>,
): CaptureRules['capture'] {
  return async (client, view, checkpoint, options) => {
    const captured = await capture(client, view, checkpoint, options);
    return { ...captured, next: await change(client, captured, checkpoint) };
  };
}

function withMarkers(checkpoint: Checkpoint, markerOf: (marker: bigint | null) => bigint | null): Checkpoint {
  const horizons = checkpoint.horizons.map((each) => ({ ...each, marker: markerOf(each.marker) }));
  return { ...checkpoint, horizons };
}

/** Reads the ids of the visible log rows that meet the condition, as the text of a multirange. */
async function seenWhere(
  on: Pick<pg.ClientBase, 'query'>,
  condition: string,
  values: unknown[],
): Promise<string> {
  const { rows } = await on.query(
    `select coalesce(range_agg(int8range(id, id, '[]')) filter (where ${condition}), '{}')::text as seen
     from ${LOG_TABLE}`,
    values,
  );
  return rows[0].seen as string;
}

/** Replaces the keys that the capture left for the fetch. */
async function setKeys(
  client: pg.ClientBase,
  { changed = [], deleted = [] }: { changed?: string[]; deleted?: string[] },
): Promise<void> {
  const keys = { added: [], changed, deleted };
  for (const [name, texts] of Object.entries(keys)) {
    await client.query('select set_config($1, $2, true)', [
      KEY_SETTING[name as keyof typeof keys],
      `{${texts.join(',')}}`,
    ]);
  }
}
