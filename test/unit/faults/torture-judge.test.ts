import assert from 'node:assert/strict';
import { type CheckpointStep, countLostAndRepeated } from '../../faults/torture/captured.ts';

const batch = (due: bigint, captured: bigint): CheckpointStep => ({ due, captured });
const idle = (due: bigint): CheckpointStep => ({ due, captured: null });

describe('counting lost and repeated log rows', () => {
  for (const [what, steps, idleLogRows, expected] of [
    ['nothing was logged', [], 0n, { lost: 0n, repeated: 0n }],
    [
      'each row was captured once',
      [batch(3n, 3n), idle(2n), batch(1n, 1n), idle(0n)],
      2n,
      { lost: 0n, repeated: 0n },
    ],
    ['a batch missed a row', [batch(3n, 2n), batch(1n, 1n)], 0n, { lost: 1n, repeated: 0n }],
    ['a batch captured a row again', [batch(3n, 3n), batch(1n, 2n)], 0n, { lost: 0n, repeated: 1n }],
    [
      'one row was lost and one captured again',
      [batch(3n, 2n), batch(1n, 2n)],
      0n,
      { lost: 1n, repeated: 1n },
    ],
    ['an idle capture missed rows', [idle(2n), batch(1n, 1n)], 0n, { lost: 2n, repeated: 0n }],
    ['an idle capture read a row again', [idle(2n)], 3n, { lost: 0n, repeated: 1n }],
    [
      'a batch captured rows that idle captures had missed',
      [idle(2n), batch(1n, 3n)],
      0n,
      { lost: 2n, repeated: 2n },
    ],
  ] as const) {
    it(`is correct when ${what}`, () => {
      assert.deepEqual(countLostAndRepeated(steps, idleLogRows), expected);
    });
  }
});
