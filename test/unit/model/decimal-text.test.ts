import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fitsBignumeric, fitsNumeric } from '../../../shared/model/decimal-text.ts';

const NINES = '9'.repeat(29);
/** 2^255 - 1 and 2^255 in units of 10^-38: the largest BIGNUMERIC, and the first number above it. */
const BIGNUMERIC_MAX = '578960446186580977117854925043439539266.34992332820282019728792003956564819967';
const BIGNUMERIC_END = '578960446186580977117854925043439539266.34992332820282019728792003956564819968';

describe('a decimal text', () => {
  for (const text of [
    '0',
    '-0.5',
    '1.50',
    `${NINES}.999999999`,
    `-${NINES}.999999999`,
    `1.${'0'.repeat(60)}`,
  ]) {
    it(`fits NUMERIC: ${text}`, () => assert.ok(fitsNumeric(text)));
  }

  for (const text of [`1${'0'.repeat(29)}`, `-1${'0'.repeat(29)}`, '0.0000000001', '1.0000000005']) {
    it(`I9 fits BIGNUMERIC but not NUMERIC: ${text}`, () => {
      assert.ok(!fitsNumeric(text));
      assert.ok(fitsBignumeric(text));
    });
  }

  for (const text of [BIGNUMERIC_MAX, `-${BIGNUMERIC_END}`, `0.${'0'.repeat(37)}1`, `-5${'0'.repeat(38)}`]) {
    it(`fits BIGNUMERIC: ${text}`, () => assert.ok(fitsBignumeric(text)));
  }

  for (const text of [
    BIGNUMERIC_END,
    `-${BIGNUMERIC_END.slice(0, -1)}9`,
    `0.${'0'.repeat(38)}1`,
    `6${'0'.repeat(38)}`,
  ]) {
    it(`I9 does not fit BIGNUMERIC: ${text}`, () => assert.ok(!fitsBignumeric(text)));
  }

  for (const text of ['', 'NaN', 'Infinity', '1e5', '+1', '.5', '1.', ' 1', '1,5', '0x10', '1_000', '๑']) {
    it(`I9 is not a number: '${text}'`, () => {
      assert.ok(!fitsNumeric(text));
      assert.ok(!fitsBignumeric(text));
    });
  }

  it('fits NUMERIC when it has at most 29 digits before the point and 9 significant digits after it', () => {
    const anyDecimal = fc.record({
      sign: fc.constantFrom('', '-'),
      whole: fc.stringMatching(/^[1-9]\d{0,34}$/),
      fraction: fc.stringMatching(/^\d{0,11}[1-9]$/),
      zeros: fc.nat(3),
    });
    fc.assert(
      fc.property(anyDecimal, ({ sign, whole, fraction, zeros }) => {
        const fits = whole.length <= 29 && fraction.length <= 9;
        assert.equal(fitsNumeric(`${sign}${whole}.${fraction}${'0'.repeat(zeros)}`), fits);
      }),
    );
  });
});
