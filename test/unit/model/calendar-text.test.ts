import assert from 'node:assert/strict';
import fc from 'fast-check';
import { daysOfDate, isDatetime, isTime, microsOfTimestamp } from '../../../shared/model/calendar-text.ts';

const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;
const MS_A_DAY = 86_400_000;
const MICROS_A_DAY = 86_400_000_000n;

const NO_DAYS = [
  '0000-01-01',
  '2023-02-29',
  '1900-02-29',
  '2024-02-30',
  '2024-04-31',
  '2024-13-01',
  '2024-00-10',
  '2024-01-00',
  '2024-01-32',
];

describe('daysOfDate', () => {
  it('returns the days since 1970 for every day of the years 1 to 9999', () => {
    for (let days = FIRST_DAY; days <= LAST_DAY; days += 1) {
      const text = new Date(days * MS_A_DAY).toISOString().slice(0, 10);
      if (daysOfDate(text) !== days) assert.fail(`${text} became ${daysOfDate(text)} instead of ${days}`);
    }
  });

  for (const text of [
    ...NO_DAYS,
    '',
    '2024-1-1',
    '10000-01-01',
    '2024-01-01 ',
    '2024-01-01T00:00',
    'infinity',
    '๒๐๒๔-๐๑-๐๑',
  ]) {
    it(`I9 rejects '${text}'`, () => assert.equal(daysOfDate(text), null));
  }
});

describe('microsOfTimestamp', () => {
  const anyMicros = fc.bigInt({
    min: BigInt(FIRST_DAY) * MICROS_A_DAY,
    max: BigInt(LAST_DAY + 1) * MICROS_A_DAY - 1n,
  });

  it('returns the exact microseconds since 1970', () => {
    fc.assert(
      fc.property(anyMicros, (micros) => {
        assert.equal(BigInt(microsOfTimestamp(`${timestampText(micros)}+00:00`) ?? Number.NaN), micros);
      }),
    );
  });

  it('returns a number only where that is exact, and a bigint otherwise', () => {
    assert.equal(microsOfTimestamp('2026-01-02T03:04:05.123456+00:00'), 1_767_323_045_123_456);
    assert.equal(microsOfTimestamp('9999-12-31T23:59:59.999999+00:00'), 253_402_300_799_999_999n);
    assert.equal(microsOfTimestamp('0001-01-01T00:00:00+00:00'), -62_135_596_800_000_000n);
    for (const around of [2n ** 53n, -(2n ** 53n)]) {
      for (let micros = around - 3n; micros <= around + 3n; micros += 1n) {
        assert.equal(BigInt(microsOfTimestamp(`${timestampText(micros)}+00:00`) ?? Number.NaN), micros);
      }
    }
  });

  for (const [text, same] of [
    ['2024-02-29', '2024-02-29T00:00:00+00:00'],
    ['2024-02-29 23:59:58', '2024-02-29T23:59:58+00:00'],
    ['2024-02-29T23:59:58.5Z', '2024-02-29T23:59:58.500000+00:00'],
    ['2024-02-29 23:59:58 UTC', '2024-02-29T23:59:58+00:00'],
    ['2024-03-01T02:29:58.000001+05:30', '2024-02-29T20:59:58.000001+00:00'],
    ['2024-02-29T22:00:00-02:00', '2024-03-01T00:00:00+00:00'],
  ] as const) {
    it(`reads a configured default as BigQuery does: '${text}'`, () => {
      assert.notEqual(microsOfTimestamp(text), null);
      assert.equal(microsOfTimestamp(text), microsOfTimestamp(same));
    });
  }

  for (const text of [
    ...NO_DAYS,
    ...NO_DAYS.map((day) => `${day}T00:00:00+00:00`),
    '',
    'infinity',
    '2024-01-01T24:00:00+00:00',
    '2024-01-01T23:60:00+00:00',
    '2024-01-01T23:59:60+00:00',
    '2024-01-01T23:59:59.1234567+00:00',
    '2024-01-01T23:59+00:00',
    '2024-01-01T23:59:59+0000',
    '2024-01-01T23:59:59+00:00 BC',
    '0001-01-01T00:00:00+07:00',
    '9999-12-31T23:59:59-00:01',
    '10000-01-01T00:00:00+00:00',
  ]) {
    it(`I9 rejects '${text}'`, () => assert.equal(microsOfTimestamp(text), null));
  }
});

describe('isDatetime', () => {
  for (const text of [
    '0001-01-01T00:00:00',
    '9999-12-31T23:59:59.999999',
    '2024-02-29 12:00:00',
    '2024-02-29',
  ]) {
    it(`accepts '${text}'`, () => assert.ok(isDatetime(text)));
  }

  for (const text of [
    ...NO_DAYS,
    '2024-01-01T24:00:00',
    '2024-01-01T00:00:00+00:00',
    '2024-01-01T00:00',
    'now',
  ]) {
    it(`I9 rejects '${text}'`, () => assert.ok(!isDatetime(text)));
  }
});

describe('isTime', () => {
  for (const text of ['00:00:00', '23:59:59.999999', '12:30:00.5']) {
    it(`accepts '${text}'`, () => assert.ok(isTime(text)));
  }

  for (const text of ['24:00:00', '12:60:00', '12:00:60', '12:00', '12:00:00+07', '12:00:00.1234567', '']) {
    it(`I9 rejects '${text}'`, () => assert.ok(!isTime(text)));
  }
});

/** Formats a timestamp as PostgreSQL does, independently of the code under test. */
function timestampText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (micros - fraction) / 1_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}
