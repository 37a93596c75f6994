import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type BucketSum, BucketSums, bucketCount } from '../../../shared/model/buckets.ts';

const anySum: fc.Arbitrary<BucketSum> = fc.record({
  bucket: fc.integer({ min: -5, max: 5 }),
  rows: fc.integer({ min: 1, max: 3 }),
  hash: fc.bigInt({ min: 0n, max: 2n ** 60n - 1n }),
});

describe('the sums of buckets', () => {
  it('are the same in whatever order and parts they were added', () => {
    fc.assert(
      fc.property(fc.array(anySum), fc.nat(), (sums, at) => {
        const parts = new BucketSums(sums.slice(at).toReversed());
        parts.add(sums.slice(0, at));
        assert.deepEqual(parts.differingFrom(new BucketSums(sums)), []);
        assert.equal(
          parts.rows,
          sums.reduce((all, { rows }) => all + rows, 0),
        );
      }),
    );
  });

  it('add the rows of a bucket, and combine its hashes so that the same rows twice leave none', () => {
    const sums = new BucketSums([{ bucket: 1, rows: 2, hash: 6n }]);
    sums.add([{ bucket: 1, rows: 1, hash: 3n }]);
    assert.deepEqual([...sums], [{ bucket: 1, rows: 3, hash: 5n }]);
  });

  it('are the same after they were stored', () => {
    fc.assert(
      fc.property(fc.array(anySum), (sums) => {
        const stored = BucketSums.fromJson(JSON.parse(JSON.stringify(new BucketSums(sums))));
        assert.deepEqual([...stored], [...new BucketSums(sums)]);
      }),
    );
  });

  it('differ where the rows, their hash, or a whole bucket does, in ascending order', () => {
    const here = new BucketSums([
      { bucket: 4, rows: 1, hash: 1n },
      { bucket: -3, rows: 1, hash: 1n },
      { bucket: 2, rows: 2, hash: 5n },
      { bucket: 7, rows: 1, hash: 9n },
    ]);
    const there = new BucketSums([
      { bucket: 4, rows: 1, hash: 2n },
      { bucket: 2, rows: 1, hash: 5n },
      { bucket: 7, rows: 1, hash: 9n },
      { bucket: 10, rows: 1, hash: 0n },
    ]);
    assert.deepEqual(here.differingFrom(there), [-3, 2, 4, 10]);
    assert.deepEqual(there.differingFrom(here), [-3, 2, 4, 10]);
  });

  it('tell two rows that are equal to each other from none', () => {
    const twice = new BucketSums([
      { bucket: 1, rows: 1, hash: 5n },
      { bucket: 1, rows: 1, hash: 5n },
    ]);
    assert.deepEqual(twice.differingFrom(new BucketSums()), [1]);
  });

  it('are of an odd number of buckets, at least one, and at most 16383', () => {
    for (const rows of [0, 1, 999, 1000, 1001, 123_456, 10_000_000, 10 ** 12]) {
      const count = bucketCount(rows);
      assert.ok(count % 2 === 1 && count >= 1 && count <= 16_383, `${rows} rows: ${count}`);
    }
  });
});
