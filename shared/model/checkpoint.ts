import { z } from 'zod';

/**
 * A point of the change log below which nothing can appear any more, once `marker` says so.
 * `id`: the highest log id that was visible; `atMicros`: the source's clock after that was seen, in microseconds since
 * 1970; `marker`: a transaction id drawn at least the grace period later, or null while none was drawn.
 */
export type Horizon = { id: bigint; atMicros: bigint; marker: bigint | null };

/** The highest covered log row and a hash of it: tells a restored or failed-over source from the one we know. */
export type Witness = { id: bigint; hash: string };

/** What the applied batches of a view have covered of the change log. */
export type Checkpoint = {
  /** Every log row up to it is covered, and no transaction can still add one below it. */
  floorId: bigint;
  /** The covered log ids above the floor, of every content type, as the text of an `int8multirange`. */
  seen: string;
  /** Oldest first, at most MAX_HORIZONS. */
  horizons: Horizon[];
  witness: Witness | null;
};

export const MAX_HORIZONS = 16;
export const NOTHING_SEEN = '{}';

const bigintText = z.union([z.string().regex(/^-?\d+$/, 'is no whole number'), z.int()]).transform(BigInt);

const checkpointSchema = z.object({
  floorId: bigintText,
  seen: z.string(),
  horizons: z.array(z.object({ id: bigintText, atMicros: bigintText, marker: bigintText.nullable() })),
  witness: z.object({ id: bigintText, hash: z.string() }).nullable(),
});

/** A checkpoint from its JSON form, in which 64-bit numbers are text. Throws a ZodError on anything else. */
export function checkpointFromJson(json: unknown): Checkpoint {
  return checkpointSchema.parse(json);
}

export function checkpointToJson(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/**
 * Gives `marker` to every unmarked horizon that is at least the grace period old by the source's clock.
 * The marker must have been drawn after `nowMicros` was read: a transaction draws its log id a moment before it gets its
 * transaction id, and the grace covers that moment.
 */
export function markHorizons(
  horizons: Horizon[],
  drawn: { marker: bigint; nowMicros: bigint; graceSeconds: number },
): Horizon[] {
  return horizons.map((horizon) =>
    horizon.marker === null && isOlderThanGrace(horizon, drawn)
      ? { ...horizon, marker: drawn.marker }
      : horizon,
  );
}

function isOlderThanGrace(horizon: Horizon, by: { nowMicros: bigint; graceSeconds: number }): boolean {
  return by.nowMicros - horizon.atMicros >= BigInt(by.graceSeconds) * 1_000_000n;
}

/** The clock reading of the oldest horizon that still wants a marker, or null. */
export function oldestUnmarked(horizons: Horizon[]): bigint | null {
  return horizons.find((horizon) => horizon.marker === null)?.atMicros ?? null;
}

/**
 * The floor that a snapshot proves: the highest id of a horizon whose marker is at most the snapshot's xmin (every
 * transaction that was running when the marker was drawn, or before, has ended). Never below the present floor.
 */
export function maturedFloor(checkpoint: Checkpoint, snapshotXmin: bigint): bigint {
  return checkpoint.horizons.reduce(
    (floor, { id, marker }) => (marker !== null && marker <= snapshotXmin && id > floor ? id : floor),
    checkpoint.floorId,
  );
}

/** What one capture saw: see `nextCheckpoint`. */
export type Observation = {
  /** `maturedFloor` of the capture's snapshot. */
  maturedFloorId: bigint;
  /** Covered ids above `min(maturedFloorId, cutId)`, as the text of an int8multirange. */
  seen: string;
  /** The highest log id that the snapshot shows, and the source's clock read after it. */
  highestId: bigint;
  atMicros: bigint;
  /** Where a large batch was cut: rows above it are left for its continuation. Null: nothing was left. */
  cutId: bigint | null;
  witness: Witness | null;
};

/**
 * The checkpoint that holds once the capture's batch is applied. Pure; the floor never falls.
 * A cut batch ends the floor and the horizons at the cut: what lies above is not covered yet.
 */
export function nextCheckpoint(previous: Checkpoint, seen: Observation): Checkpoint {
  const end = seen.cutId ?? seen.highestId;
  const floorId = seen.cutId === null ? seen.maturedFloorId : smaller(seen.maturedFloorId, seen.cutId);
  const kept = previous.horizons.map((horizon) => ({ ...horizon, id: smaller(horizon.id, end) }));
  const added: Horizon = { id: end, atMicros: seen.atMicros, marker: null };
  return {
    floorId,
    seen: seen.seen,
    horizons: thinned([...kept, added], floorId),
    witness: higher(previous.witness, seen.witness),
  };
}

/**
 * Drops what says nothing new: horizons at or below the floor, and later ones of the same id. When there are too many, the
 * oldest stay (they mature first); of the marked ones that wait behind one long transaction only the newest matters.
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

/** Of a cut batch, what was covered before may lie above what it covers. */
function higher(before: Witness | null, now: Witness | null): Witness | null {
  return before !== null && (now === null || now.id < before.id) ? before : now;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
