import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  isUpTo,
  joined,
  MAX_QUERY_ROWS,
  orderOf,
  partsPerQuery,
  rowParts,
} from '../../../shared/model/drill.ts';

const plan = (buckets: number, cuts: bigint[] = [], partRows = 100) => ({ buckets, cuts, partRows });
const ALL = { from: null, to: null };

describe('the parts of rows that are compared one by one', () => {
  it('are ranges of keys where the view is cut, each with the buckets that differ', () => {
    assert.deepEqual(
      rowParts(plan(5, [10n, 20n]), [1, 4], () => 1),
      [
        { range: { from: null, to: 10n }, buckets: [1, 4] },
        { range: { from: 10n, to: 20n }, buckets: [1, 4] },
        { range: { from: 20n, to: null }, buckets: [1, 4] },
      ],
    );
    assert.equal(orderOf(plan(5, [10n])), 'key');
  });

  it('are else groups of buckets with about as many rows', () => {
    const rows = [60, 40, 70, 40, 500, 1];
    assert.deepEqual(
      rowParts(plan(7), [0, 1, 2, 3, 4, 5], (bucket) => rows[bucket] ?? 0).map(({ buckets }) => buckets),
      [[0, 1], [2], [3], [4], [5]],
    );
    assert.equal(orderOf(plan(7)), 'bucket');
  });

  it('are one part with all buckets, those of negative keys too, or cover them', () => {
    assert.deepEqual(
      rowParts(plan(3), 'all', () => 1),
      [{ range: ALL, buckets: 'all' }],
    );
    assert.deepEqual(
      rowParts(plan(3), 'all', () => 60).flatMap(({ buckets }) => (buckets === 'all' ? [] : buckets)),
      [-2, -1, 0, 1, 2],
    );
  });

  it('hold each row once: those up to a part, but not up to the one before', () => {
    const rows = fc.array(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), { maxLength: 20 });
    const cuts = fc.uniqueArray(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(rows, cuts, (keys, given) => {
        const sorted = given.toSorted((a, b) => (a < b ? -1 : 1));
        const parts = rowParts(plan(3, sorted), 'all', () => 1);
        for (const key of keys) {
          const row = { place: Number(key), key: String(key) };
          const first = parts.findIndex((part) => isUpTo(part, 'key')(row));
          const { from, to } = parts[first]?.range ?? assert.fail();
          assert.ok((from === null || key >= from) && (to === null || key < to));
        }
      }),
    );
    const groups = rowParts(plan(3), 'all', () => 60);
    assert.deepEqual(
      [-2, 0, 2].map((place) => groups.findIndex((group) => isUpTo(group, 'bucket')({ place, key: 'k' }))),
      [0, 2, 4],
    );
  });

  it('are joined for one query, as many as its result can hold', () => {
    const ranges = rowParts(plan(5, [10n, 20n, 30n]), 'all', () => 1);
    assert.deepEqual(joined(ranges.slice(1, 3)), { range: { from: 10n, to: 30n }, buckets: 'all' });
    const groups = rowParts(plan(5), [0, 2, 4], () => 100);
    assert.deepEqual(joined(groups.slice(1)), { range: ALL, buckets: [2, 4] });
    assert.deepEqual(
      [
        partsPerQuery(100, MAX_QUERY_ROWS * 5),
        partsPerQuery(3, 10),
        partsPerQuery(2, MAX_QUERY_ROWS * 9),
        partsPerQuery(1, 0),
      ],
      [20, 6_000_000, 1, MAX_QUERY_ROWS],
    );
  });
});
