import { z } from 'zod';

/**
 * A log id that can become the floor once every transaction that might still add a log row up to it has ended (also called a candidate
 * watermark). The marker tells when that is.
 */
export type Horizon = {
  /** The highest log id that was visible to a capture. */
  id: bigint;
  /** The source's clock just after, in microseconds since 1970; once there is a marker, the clock just before it was drawn. */
  atMicros: bigint;
  /**
   * A transaction id that was drawn at least the grace period later (also called a fence transaction id); null until then. The
   * transactions in question all have lower ids.
   */
  marker: bigint | null;
};

/**
 * The highest covered log row and a hash of it (also called an anchor row). It detects that the source was restored from a backup, or that
 * it failed over to a server that was behind.
 */
export type Witness = { id: bigint; hash: string };

/** What the applied batches of a view have covered of the change log (docs/architecture.md#words). */
export type Checkpoint = {
  /** Every log row up to this id is covered, and no transaction can still add one (also called a low watermark). */
  floorId: bigint;
  /**
   * The covered log ids above the floor, of every content type, as the text of an `int8multirange` (also called captured ranges).
   */
  seen: string;
  /** Oldest first, at most MAX_HORIZONS. */
  horizons: Horizon[];
  /** Null while no log row is covered. */
  witness: Witness | null;
};

/** Whether the checkpoint covers a log row. */
export function isCovered({ floorId, seen }: Pick<Checkpoint, 'floorId' | 'seen'>, id: bigint): boolean {
  if (id <= floorId) return true;
  // The text of a multirange lists its ranges, each as [low,high).
  return [...seen.matchAll(/\[(-?\d+),(-?\d+)\)/g)].some(
    ([, low = '', high = '']) => BigInt(low) <= id && id < BigInt(high),
  );
}

export const MAX_HORIZONS = 16;
export const NOTHING_SEEN = '{}';

const bigintText = z.union([z.string().regex(/^-?\d+$/, 'is not a whole number'), z.int()]).transform(BigInt);

const checkpointSchema = z.object({
  floorId: bigintText,
  seen: z.string(),
  horizons: z.array(z.object({ id: bigintText, atMicros: bigintText, marker: bigintText.nullable() })),
  witness: z.object({ id: bigintText, hash: z.string() }).nullable(),
});

/** Reads a checkpoint from its JSON form, in which 64-bit numbers are text. Throws a ZodError if the JSON has another form. */
export function checkpointFromJson(json: unknown): Checkpoint {
  return checkpointSchema.parse(json);
}

export function checkpointToJson(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/**
 * Gives `marker` and its time to every horizon that has none and is at least the grace period old by the source's clock. The caller must draw the
 * marker after it reads `nowMicros`. The grace period is needed because a transaction draws its log id a moment before it gets its
 * transaction id.
 */
export function markHorizons(
  horizons: Horizon[],
  drawn: { marker: bigint; nowMicros: bigint; graceSeconds: number },
): Horizon[] {
  return horizons.map((horizon) =>
    horizon.marker === null && isOlderThanGrace(horizon, drawn)
      ? { ...horizon, atMicros: drawn.nowMicros, marker: drawn.marker }
      : horizon,
  );
}

function isOlderThanGrace(horizon: Horizon, by: { nowMicros: bigint; graceSeconds: number }): boolean {
  return by.nowMicros - horizon.atMicros >= BigInt(by.graceSeconds) * 1_000_000n;
}

/** The time of the oldest horizon without a marker, in microseconds since 1970; null if every horizon has one. */
export function oldestUnmarked(horizons: Horizon[]): bigint | null {
  return horizons.find((horizon) => horizon.marker === null)?.atMicros ?? null;
}

/**
 * The floor that a snapshot proves: the highest horizon whose marker is at most the snapshot's xmin, because then every transaction
 * with a lower id than the marker has ended. Never below the present floor.
 */
export function maturedFloor(checkpoint: Checkpoint, snapshotXmin: bigint): bigint {
  return checkpoint.horizons.reduce(
    (floor, { id, marker }) => (marker !== null && marker <= snapshotXmin && id > floor ? id : floor),
    checkpoint.floorId,
  );
}

/** What one capture observed, for `nextCheckpoint`. */
export type Observation = {
  /** `maturedFloor` of the capture's snapshot. */
  maturedFloorId: bigint;
  /** The covered ids above `min(maturedFloorId, cutId)`, as the text of an int8multirange. */
  seen: string;
  /** The highest log id that the snapshot shows. */
  highestId: bigint;
  /** The source's clock, read after `highestId`, in microseconds since 1970. */
  atMicros: bigint;
  /** The log id at which a large batch was cut: its continuation takes the new rows above. Null if the batch was not cut. */
  cutId: bigint | null;
  witness: Witness | null;
};

/**
 * The checkpoint that holds once the capture's batch is applied. The floor never falls. If the batch was cut, the floor and the
 * horizons end at the cut, because new rows above it are not covered yet.
 */
export function nextCheckpoint(previous: Checkpoint, observed: Observation): Checkpoint {
  const { maturedFloorId, cutId } = observed;
  const end = cutId ?? observed.highestId;
  const floorId = cutId === null ? maturedFloorId : smaller(maturedFloorId, cutId);
  const kept = previous.horizons.map((horizon) => ({ ...horizon, id: smaller(horizon.id, end) }));
  const added: Horizon = { id: end, atMicros: observed.atMicros, marker: null };
  return {
    floorId,
    seen: observed.seen,
    horizons: thinned([...kept, added], floorId),
    witness: higher(previous.witness, observed.witness),
  };
}

/**
 * Drops the horizons at or below the floor, and later ones with the same id, since they add nothing. While too many are left, it drops
 * the second newest of those that have a marker: they wait for the same long transaction, and the newest gives the highest floor. If
 * fewer than two have a marker, it drops the newest horizon, since the others mature first.
 */
function thinned(horizons: Horizon[], floorId: bigint): Horizon[] {
  const kept: Horizon[] = [];
  for (const horizon of horizons) {
    if (horizon.id <= floorId || horizon.id <= (kept.at(-1)?.id ?? -1n)) continue;
    kept.push(horizon);
  }
  while (kept.length > MAX_HORIZONS) {
    const marked = kept.filter((horizon) => horizon.marker !== null).length;
    kept.splice(marked >= 2 ? marked - 2 : MAX_HORIZONS, 1);
  }
  return kept;
}

/** The higher of two witnesses. The earlier one may be higher: a batch may be cut below rows that were covered before. */
function higher(before: Witness | null, now: Witness | null): Witness | null {
  return before !== null && (now === null || now.id < before.id) ? before : now;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
