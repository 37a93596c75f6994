import assert from 'node:assert/strict';
import { coverageOf } from '../../../shared/model/checkpoint-coverage.ts';

const horizon = (id: bigint, atMicros: bigint) => ({ id, atMicros, marker: null });

describe('what a checkpoint covers', () => {
  it('is everything up to the floor if nothing is known above it', () => {
    assert.deepEqual(coverageOf({ floorId: 7n, seen: '{}', horizons: [], witness: null }), {
      floorId: 7n,
      coveredTo: 7n,
      holes: [],
      holeIds: 0n,
      openSince: null,
    });
  });

  it('has a hole wherever an id between covered ones is not covered', () => {
    const { coveredTo, holes, holeIds } = coverageOf({
      floorId: 10n,
      seen: '{[11,13),[14,15),[20,9007199254740995)}',
      horizons: [],
      witness: null,
    });
    assert.equal(coveredTo, 9007199254740994n);
    assert.deepEqual(holes, [
      { from: 13n, to: 13n },
      { from: 15n, to: 19n },
    ]);
    assert.equal(holeIds, 6n);
  });

  it('ignores ranges at or below the floor', () => {
    const { coveredTo, holes } = coverageOf({
      floorId: 10n,
      seen: '{[3,5),[8,12)}',
      horizons: [],
      witness: null,
    });
    assert.deepEqual([coveredTo, holes], [11n, []]);
  });

  it('waits for transactions that are older than the oldest horizon above the floor', () => {
    const horizons = [horizon(5n, 1_000_000n), horizon(20n, 5_000_000n), horizon(30n, 9_000_000n)];
    const { openSince } = coverageOf({ floorId: 10n, seen: '{}', horizons, witness: null });
    assert.deepEqual(openSince, new Date(5000));
  });
});
