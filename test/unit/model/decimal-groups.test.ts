import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DecimalGroups } from '../../../shared/model/decimal-groups.ts';

describe('a decimal number in groups of four digits', () => {
  const text = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.stringMatching(/^(\d{1,40})?$/))
    .map(([isNegative, whole, fraction]) => {
      const digits = fraction === '' ? String(whole) : `${whole}.${fraction}`;
      return isNegative && /[1-9]/.test(digits) ? `-${digits}` : digits;
    });

  it('is written as it was read', () => {
    fc.assert(fc.property(text, (written) => assert.equal(String(DecimalGroups.parse(written)), written)));
  });

  it('has the whole number of units that its text has', () => {
    fc.assert(
      fc.property(text, (written) => {
        const scale = 40;
        const [whole = '', fraction = ''] = written.split('.');
        const units = BigInt(whole + fraction.padEnd(scale, '0'));
        assert.equal(BigInt(DecimalGroups.parse(written).unscaled(scale)), units);
      }),
    );
  });

  it('I9 is never rounded to units that are too large for it', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 40 }), (written, scale) => {
        const decimal = DecimalGroups.parse(written);
        const fraction = (written.split('.')[1] ?? '').padEnd(scale, '0');
        if (/[1-9]/.test(fraction.slice(scale))) assert.throws(() => decimal.unscaled(scale), RangeError);
        else {
          const units = BigInt(written.replace(/\..*/, '') + fraction.slice(0, scale));
          assert.equal(BigInt(decimal.unscaled(scale)), units);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is a number in units that a double counts exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: -999_999_999, max: 999_999_999 }), (cents) => {
        const digits = String(Math.abs(cents)).padStart(3, '0');
        const written = `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
        const decimal = DecimalGroups.parse(written);
        assert.equal(Number(decimal.unscaled(2)), cents);
        assert.equal(Number(decimal.unscaled(4)), cents * 100);
      }),
    );
  });

  for (const [written, digits] of [
    ['0', 0],
    ['1.50', 1],
    ['1.0000', 0],
    ['0.00000001', 8],
    ['-12.3400', 2],
  ] as const) {
    it(`has at most ${digits} digits after the point: ${written}`, () => {
      const decimal = DecimalGroups.parse(written);
      assert.equal(decimal.hasScale(digits), true);
      assert.equal(digits === 0 || !decimal.hasScale(digits - 1), true);
    });
  }
});
