import assert from 'node:assert/strict';
import { type CheckpointStep, tallyCarried } from '../../faults/torture/carried.ts';

const batch = (due: bigint, carried: bigint): CheckpointStep => ({ due, carried });
const idle = (due: bigint): CheckpointStep => ({ due, carried: null });

describe('what was carried of a log', () => {
  for (const [what, steps, idly, expected] of [
    ['nothing was logged', [], 0n, { lost: 0n, twice: 0n }],
    [
      'each row was carried once',
      [batch(3n, 3n), idle(2n), batch(1n, 1n), idle(0n)],
      2n,
      { lost: 0n, twice: 0n },
    ],
    ['a batch left one out', [batch(3n, 2n), batch(1n, 1n)], 0n, { lost: 1n, twice: 0n }],
    ['a batch took one again', [batch(3n, 3n), batch(1n, 2n)], 0n, { lost: 0n, twice: 1n }],
    ['one was lost and one taken again', [batch(3n, 2n), batch(1n, 2n)], 0n, { lost: 1n, twice: 1n }],
    ['an idle capture left some out', [idle(2n), batch(1n, 1n)], 0n, { lost: 2n, twice: 0n }],
    ['an idle capture took one again', [idle(2n)], 3n, { lost: 0n, twice: 1n }],
    ['a batch took what idle captures left out', [idle(2n), batch(1n, 3n)], 0n, { lost: 2n, twice: 2n }],
  ] as const) {
    it(`is told when ${what}`, () => {
      assert.deepEqual(tallyCarried(steps, idly), expected);
    });
  }
});
