import { nextCheckpoint } from '../../../shared/checkpoint.ts';
import { capture } from '../../../shared/source/capture.ts';
import { KEY_SETTING } from '../../../shared/source/collapse.ts';
import type { CaptureRules } from './replica.ts';
import { LOG_TABLE } from './start-source.ts';

// Captures in which one rule is broken on purpose: the schedules show what each rule is for.

/** Captures with the real rules, except that every horizon is marked at once, with the answer of a query in the snapshot. */
const markingAtOnce = (marker: string): Partial<CaptureRules> => ({
  drawMarker: async (_pool, checkpoint) => checkpoint,
  capture: async (client, view, checkpoint, options) => {
    const captured = await capture(client, view, checkpoint, options);
    const { rows } = await client.query(`select (${marker})::text as marker`);
    const horizons = captured.next.horizons.map((each) => ({
      ...each,
      marker: each.marker ?? BigInt(rows[0].marker as string),
    }));
    return { ...captured, next: { ...captured.next, horizons } };
  },
});

export const MARKER_IS_SNAPSHOT_XMAX = markingAtOnce('pg_snapshot_xmax(pg_current_snapshot())');
export const MARKER_AT_CAPTURE = markingAtOnce('pg_current_xact_id()');

/** Takes all log rows of the first keys, and covers the log up to the last of these rows. */
export const CUT_AT_A_KEY: Partial<CaptureRules> = {
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
    await client.query(
      `select set_config('${KEY_SETTING.added}', '{}', true), set_config('${KEY_SETTING.changed}', $1, true)`,
      [`{${keys.join(',')}}`],
    );
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
};
