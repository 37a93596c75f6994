import assert from 'node:assert/strict';
import { formatCopy } from '../../../shared/model/format-amounts.ts';

describe('the progress of a copy', () => {
  it('is written with rate and time left', () => {
    const copy = { slices: 40, slicesDone: 3, rows: '3000000', rowsPerSecond: 250_000, secondsLeft: 148 };
    assert.equal(formatCopy(copy), '3 of 40 slices, 3,000,000 rows, 250,000 a second, about 2 min left');
  });

  it('is written without them before the first slice', () => {
    const copy = { slices: 1, slicesDone: 0, rows: '0', rowsPerSecond: null, secondsLeft: null };
    assert.equal(formatCopy(copy), '0 of 1 slice, 0 rows');
  });
});
