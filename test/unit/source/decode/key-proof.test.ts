import assert from 'node:assert/strict';
import fc from 'fast-check';
import { keyProof } from '../../../../shared/source/decode/key-proof.ts';

const integer = (value: bigint, bytes: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer.subarray(8 - bytes);
};

function isProven(keys: readonly Buffer[], isInteger: boolean): boolean {
  const proof = keyProof(isInteger);
  for (const key of keys) proof.add(Buffer.concat([Buffer.from('x'), key]), 1, key.length);
  return proof.isProven;
}

describe('the proof that each row has a key of its own', () => {
  for (const bytes of [2, 4, 8]) {
    it(`tells integers of ${bytes} bytes that are there once from those that are there twice, in any order`, () => {
      const limit = bytes === 8 ? 2n ** 52n : 2n ** BigInt(bytes * 8 - 1);
      const any = fc.oneof(fc.bigInt({ min: -20n, max: 20n }), fc.bigInt({ min: -limit, max: limit - 1n }));
      fc.assert(
        fc.property(fc.array(any, { maxLength: 12 }), (keys) => {
          const given = keys.map((key) => integer(key, bytes));
          assert.equal(isProven(given, true), new Set(keys).size === keys.length);
        }),
        { numRuns: 500 },
      );
    });
  }

  it('is given up for keys beyond 2^53, and for too many that lie far apart', () => {
    assert.equal(isProven([integer(2n ** 62n, 8)], true), false);
    const apart = (count: number) => Array.from({ length: count }, (_, i) => integer(BigInt(i) * 65_536n, 8));
    assert.equal(isProven(apart(2048), true), true);
    assert.equal(isProven(apart(2049), true), false);
  });

  it('is the strictly ascending order of their bytes for texts', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(texts, fc.boolean(), (keys, isSorted) => {
        const bytes = keys.map((key) => Buffer.from(key));
        const given = isSorted ? bytes.toSorted(Buffer.compare) : bytes;
        assert.equal(
          isProven(given, false),
          given.every((key, i) => i === 0 || Buffer.compare(given[i - 1] as Buffer, key) < 0),
        );
      }),
    );
  });

  it('is none with a row without a key', () => {
    for (const isInteger of [true, false]) {
      const proof = keyProof(isInteger);
      proof.addNull();
      assert.equal(proof.isProven, false);
    }
  });
});
