import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isExactNumber, plainNumber } from '../../../../shared/source/decode/json-number.ts';

describe('a number of JSON', () => {
  it('I9 is exact if a double or a 64-bit integer is written so', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
        const text = String(Object.is(double, -0) ? 0 : double);
        // The few that JavaScript writes though they lie halfway to another one.
        if (!isExactNumber(text)) assert.match(text, /e\+\d\d/);
      }),
    );
    const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    fc.assert(fc.property(integers, (integer) => assert.ok(isExactNumber(String(integer)))));
  });

  for (const text of [
    '0',
    '-0.000',
    '1.50',
    '1e2',
    '0.1',
    '18446744073709551615',
    '-9223372036854775808',
    '5e-324',
    '1e22',
    '1.7976931348623157e308',
  ]) {
    it(`I9 is exact: ${text}`, () => assert.equal(isExactNumber(text), true));
  }
  for (const text of [
    '18446744073709551616',
    '-9223372036854775809',
    '0.12345678901234567',
    '1e400',
    '4e-325',
    '4e23',
    '9007199254740993.0000000001',
  ]) {
    it(`I9 is not exact: ${text}`, () => assert.equal(isExactNumber(text), false));
  }

  for (const [text, plain] of [
    ['1e2', '100'],
    ['1.50', '1.50'],
    ['1.5e3', '1500'],
    ['1.50e1', '15.0'],
    ['1e-3', '0.001'],
    ['12.5E-2', '0.125'],
    ['-0.0', '0.0'],
    ['-0', '0'],
    ['0.05e1', '0.5'],
    ['-1.25e+1', '-12.5'],
  ] as const) {
    it(`is written without an exponent, as PostgreSQL does: ${text}`, () =>
      assert.equal(plainNumber(text), plain));
  }
});
