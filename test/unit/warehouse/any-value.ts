import fc from 'fast-check';
import type { BigQueryType } from '../../../shared/model/columns.ts';

/** A value of a staged line after JSON.parse, and the value that the field of the message must decode to. */
export type Value = { staged: unknown; sent: unknown };

const EXACT = 2n ** 53n;
const MS_A_DAY = 86_400_000;
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;

const same = (staged: unknown): Value => ({ staged, sent: staged });
const pad = (value: number, length: number): string => String(value).padStart(length, '0');
const isoDay = (days: number): string => new Date(days * MS_A_DAY).toISOString().slice(0, 10);

const anyDay = fc.integer({ min: FIRST_DAY, max: LAST_DAY });
const anyTime = fc
  .record({ second: fc.nat(86_399), micros: fc.option(fc.integer({ min: 1, max: 999_999 })) })
  .map(({ second, micros }) => {
    const text = new Date(second * 1000).toISOString().slice(11, 19);
    return {
      micros: BigInt(second) * 1_000_000n + BigInt(micros ?? 0),
      text: micros === null ? text : `${text}.${pad(micros, 6).replace(/0+$/, '')}`,
    };
  });

const anyText = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
const anyDecimal = (whole: number, fraction: number) =>
  fc.stringMatching(new RegExp(`^-?(0|[1-9]\\d{0,${whole - 1}})(\\.\\d{1,${fraction}})?$`)).map(same);

/** Any value that a column of the type can hold, as the source writes it. */
export const ANY_VALUE: Record<BigQueryType, fc.Arbitrary<Value>> = {
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({
    staged: value >= -EXACT && value <= EXACT ? Number(value) : String(value),
    sent: String(value),
  })),
  FLOAT64: fc
    .double()
    .map((value) => ({ staged: Number.isFinite(value) ? value : String(value), sent: value })),
  NUMERIC: anyDecimal(29, 9),
  BIGNUMERIC: anyDecimal(38, 38),
  BOOL: fc.boolean().map(same),
  STRING: anyText.map(same),
  BYTES: fc
    .uint8Array()
    .map((bytes) => ({ staged: Buffer.from(bytes).toString('base64'), sent: Buffer.from(bytes) })),
  DATE: anyDay.map((days) => ({ staged: isoDay(days), sent: days })),
  DATETIME: fc
    .record({ day: anyDay, time: anyTime })
    .map(({ day, time }) => same(`${isoDay(day)}T${time.text}`)),
  TIMESTAMP: fc.record({ day: anyDay, time: anyTime }).map(({ day, time }) => ({
    staged: `${isoDay(day)}T${time.text}+00:00`,
    sent: String(BigInt(day) * 86_400_000_000n + time.micros),
  })),
  TIME: anyTime.map(({ text }) => same(text)),
  JSON: fc.json().map(same),
};
