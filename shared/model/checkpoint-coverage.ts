import type { Checkpoint } from './checkpoint.ts';

/** Log ids from `from` to `to`, both of them included. */
export type IdRange = { from: bigint; to: bigint };

/** What a checkpoint says, as an operator reads it. */
export type CheckpointCoverage = {
  /** Every log row up to this id is covered, and none can still come. */
  floorId: bigint;
  /** The highest log id that is covered. */
  coveredTo: bigint;
  /** The ids between `floorId` and `coveredTo` that are not covered: their transactions were rolled back, or may still commit. */
  holes: IdRange[];
  /** How many ids the holes have in all. */
  holeIds: bigint;
  /** Transactions that began before this time, by the source's clock, may still write log rows below `coveredTo`; null if none may. */
  openSince: Date | null;
};

/** Says what a checkpoint covers and what it still waits for. */
export function coverageOf({ floorId, seen, horizons }: Checkpoint): CheckpointCoverage {
  const ranges = [...seen.matchAll(/\[(-?\d+),(-?\d+)\)/g)]
    .map(([, low = '', high = '']) => ({ from: BigInt(low), to: BigInt(high) - 1n }))
    .filter(({ to }) => to > floorId);
  const holes: IdRange[] = [];
  let coveredTo = floorId;
  for (const { from, to } of ranges) {
    if (from > coveredTo + 1n) holes.push({ from: coveredTo + 1n, to: from - 1n });
    coveredTo = to;
  }
  const [oldest] = horizons.filter(({ id }) => id > floorId);
  return {
    floorId,
    coveredTo,
    holes,
    holeIds: holes.reduce((sum, { from, to }) => sum + (to - from + 1n), 0n),
    openSince: oldest === undefined ? null : new Date(Number(oldest.atMicros / 1000n)),
  };
}
