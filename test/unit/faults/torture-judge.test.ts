import assert from 'node:assert/strict';
import { type CheckpointStep, tallyCarried } from '../../faults/torture/carried.ts';

const batch = (due: bigint, carried: bigint): CheckpointStep => ({ due, carried });
const idle = (due: bigint): CheckpointStep => ({ due, carried: null });

describe('the count of lost and repeated log rows', () => {
  for (const [situation, steps, idly, expected] of [
    ['nothing was logged', [], 0n, { lost: 0n, twice: 0n }],
    [
      'each row was carried once',
      [batch(3n, 3n), idle(2n), batch(1n, 1n), idle(0n)],
      2n,
      { lost: 0n, twice: 0n },
    ],
    ['a batch left one row out', [batch(3n, 2n), batch(1n, 1n)], 0n, { lost: 1n, twice: 0n }],
    ['a batch repeated one row', [batch(3n, 3n), batch(1n, 2n)], 0n, { lost: 0n, twice: 1n }],
    ['one row was lost and one repeated', [batch(3n, 2n), batch(1n, 2n)], 0n, { lost: 1n, twice: 1n }],
    ['an idle capture left rows out', [idle(2n), batch(1n, 1n)], 0n, { lost: 2n, twice: 0n }],
    ['an idle capture repeated one row', [idle(2n)], 3n, { lost: 0n, twice: 1n }],
    [
      'a batch carried rows that idle captures had left out',
      [idle(2n), batch(1n, 3n)],
      0n,
      { lost: 2n, twice: 2n },
    ],
  ] as const) {
    it(`is correct when ${situation}`, () => {
      assert.deepEqual(tallyCarried(steps, idly), expected);
    });
  }
});
