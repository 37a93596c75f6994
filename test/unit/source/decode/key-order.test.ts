import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KeyOrder } from '../../../../shared/source/decode/key-order.ts';

const int8 = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};

function isAscending(keys: readonly Buffer[], isSigned: boolean): boolean {
  const order = new KeyOrder(isSigned);
  for (const key of keys) order.add(Buffer.concat([Buffer.from('x'), key]), 1, key.length);
  return order.isAscending;
}

describe('the order of keys', () => {
  const ascending = <T>(keys: readonly T[]) => keys.every((key, i) => i === 0 || (keys[i - 1] as T) < key);
  const near = fc.bigInt({ min: -300n, max: 300n });

  it('is that of integers', () => {
    const any = fc.oneof(near, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), fc.boolean(), (keys, isSorted) => {
        const given = isSorted ? keys.toSorted((a, b) => Number(a > b) - Number(a < b)) : keys;
        assert.equal(isAscending(given.map(int8), true), ascending(given));
      }),
    );
  });

  it('is that of bytes for texts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 4 }),
        fc.boolean(),
        (keys, isSorted) => {
          const bytes = keys.map((key) => Buffer.from(key));
          const given = isSorted ? bytes.toSorted(Buffer.compare) : bytes;
          assert.equal(
            isAscending(given, false),
            given.every((key, i) => i === 0 || Buffer.compare(given[i - 1] as Buffer, key) < 0),
          );
        },
      ),
    );
  });

  it('is not ascending with a key twice, or without one', () => {
    assert.equal(isAscending([int8(7n), int8(7n)], true), false);
    const order = new KeyOrder(true);
    order.addNull();
    assert.equal(order.isAscending, false);
  });
});
