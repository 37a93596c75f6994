import assert from 'node:assert/strict';
import { exceedsDeleteLimit } from '../../../shared/batch/delete-limit.ts';

describe('the delete limit', () => {
  for (const [rows, deletes, share, exceeds] of [
    [0n, 0n, 0.5, false],
    [1n, 0n, 0, false],
    [1n, 1n, 1, true],
    [100n, 99n, 0, false],
    [100n, 100n, 0.5, true],
    [200n, 100n, 0, false],
    [200n, 101n, 0.5, true],
    [202n, 101n, 0.5, false],
    [201n, 101n, 0.5, true],
    [1000n, 101n, 0, true],
    [1000n, 999n, 1, false],
    [1000n, 1000n, 1, true],
    // More stale rows than there were before are all of them.
    [1000n, 1001n, 1, true],
    [9_007_199_254_740_993n, 4_503_599_627_370_497n, 0.5, true],
  ] as const) {
    it(`${exceeds ? 'refuses' : 'allows'} ${deletes} deletes of ${rows} rows with a share of ${share}`, () => {
      assert.equal(exceedsDeleteLimit({ rows, deletes }, share), exceeds);
    });
  }
});
