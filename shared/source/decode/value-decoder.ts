import type { ColumnWriter } from '../../model/column-writer.ts';
import { DecimalGroups } from '../../model/decimal-groups.ts';
import { NOT_24, OUTSIDE_YEARS } from './reasons.ts';

// The binary forms of values: the functions …send of PostgreSQL (src/backend/utils/adt). All integers have the highest byte first.

/**
 * Judges a value other than NULL, which has `length` bytes from `at` on, and writes it. Returns null, or why BigQuery cannot hold it, as the end of a sentence
 * that begins with "the value": what has been written of it is then to be forgotten.
 */
export type Decoder = (buffer: Buffer, at: number, length: number, writer: ColumnWriter) => string | null;

const HALF = 2 ** 32;
const SAFE_HIGH = 2 ** 21;

const int32 = (buffer: Buffer, at: number): number =>
  ((buffer[at] as number) << 24) |
  ((buffer[at + 1] as number) << 16) |
  ((buffer[at + 2] as number) << 8) |
  (buffer[at + 3] as number);

export const decodeInt2: Decoder = (buffer, at, _length, writer) => {
  writer.integer(buffer.readInt16BE(at));
  return null;
};

export const decodeInt4: Decoder = (buffer, at, _length, writer) => {
  writer.integer(int32(buffer, at));
  return null;
};

export const decodeOid: Decoder = (buffer, at, _length, writer) => {
  writer.integer(int32(buffer, at) >>> 0);
  return null;
};

export const decodeInt8: Decoder = (buffer, at, _length, writer) => {
  const high = int32(buffer, at);
  if (high < SAFE_HIGH && high > -SAFE_HIGH) writer.integer(high * HALF + (int32(buffer, at + 4) >>> 0));
  else writer.bigint(buffer.readBigInt64BE(at));
  return null;
};

export const decodeFloat4: Decoder = (buffer, at, _length, writer) => {
  writer.float(buffer.readFloatBE(at));
  return null;
};

export const decodeFloat8: Decoder = (buffer, at, _length, writer) => {
  writer.float(buffer.readDoubleBE(at));
  return null;
};

export const decodeBool: Decoder = (buffer, at, _length, writer) => {
  writer.boolean(buffer[at] !== 0);
  return null;
};

export const decodeText: Decoder = (buffer, at, length, writer) => {
  writer.text(buffer, at, at + length);
  return null;
};

export const decodeBytea: Decoder = (buffer, at, length, writer) => {
  writer.bytes(buffer, at, at + length);
  return null;
};

const DIGITS = '0123456789abcdef';
const HEX = Buffer.from(DIGITS, 'latin1');
const UUID_BYTES = 16;
/** The characters of the last one, whose dashes stay. */
const UUID_FORM = '00000000-0000-0000-0000-000000000000';
const UUID_TEXT = Buffer.from(UUID_FORM, 'latin1');
const DASH = UUID_TEXT[8];

export const decodeUuid: Decoder = (buffer, at, _length, writer) => {
  let to = 0;
  for (let i = 0; i < UUID_BYTES; i += 1) {
    if (UUID_TEXT[to] === DASH) to += 1;
    const byte = buffer[at + i] as number;
    UUID_TEXT[to++] = HEX[byte >> 4] as number;
    UUID_TEXT[to++] = HEX[byte & 15] as number;
  }
  writer.text(UUID_TEXT, 0, UUID_TEXT.length);
  return null;
};

/** PostgreSQL counts from 2000-01-01. */
const EPOCH_DAYS = 10_957;
const MICROS_A_DAY = 86_400_000_000;
const EPOCH_MICROS = EPOCH_DAYS * MICROS_A_DAY;
/** 0001-01-01, and the day after 9999-12-31, since 1970-01-01. The infinities lie outside. */
const FIRST_DAY = -719_162;
const END_DAY = 2_932_897;
const END_MICROS = BigInt(END_DAY) * BigInt(MICROS_A_DAY);
const FIRST_MICROS = BigInt(FIRST_DAY) * BigInt(MICROS_A_DAY);
/** Of the high half, so that the sum with the epoch stays exact. */
const SAFE_MICROS_HIGH = 2 ** 20;

export const decodeDate: Decoder = (buffer, at, _length, writer) => {
  const days = int32(buffer, at) + EPOCH_DAYS;
  if (days < FIRST_DAY || days >= END_DAY) return OUTSIDE_YEARS;
  writer.integer(days);
  return null;
};

/** Both timestamp and timestamptz, which has UTC. */
export const decodeTimestamp: Decoder = (buffer, at, _length, writer) => {
  const high = int32(buffer, at);
  if (high < SAFE_MICROS_HIGH && high > -SAFE_MICROS_HIGH) {
    writer.integer(high * HALF + (int32(buffer, at + 4) >>> 0) + EPOCH_MICROS);
    return null;
  }
  const micros = buffer.readBigInt64BE(at) + BigInt(EPOCH_MICROS);
  if (micros < FIRST_MICROS || micros >= END_MICROS) return OUTSIDE_YEARS;
  if (micros >= Number.MIN_SAFE_INTEGER && micros <= Number.MAX_SAFE_INTEGER) writer.integer(Number(micros));
  else writer.bigint(micros);
  return null;
};

export const decodeTime: Decoder = (buffer, at, _length, writer) => {
  const micros = int32(buffer, at) * HALF + (int32(buffer, at + 4) >>> 0);
  if (micros >= MICROS_A_DAY) return NOT_24;
  writer.integer(micros);
  return null;
};

const NEGATIVE = 0x4000;
const POSITIVE = 0;
const HEADER_BYTES = 8;

/** Of BIGNUMERIC, whose first digits are not all free: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types */
const BIGNUMERIC_DIGITS = 38;
const BIGNUMERIC_MAX = 5n * 10n ** 76n;
/** Numbers of this weight may be too large, and those of a lower one are not. */
const LARGE_WEIGHT = 9;

export function fitsBignumeric(value: DecimalGroups): boolean {
  if (!value.hasScale(BIGNUMERIC_DIGITS) || value.weight > LARGE_WEIGHT) return false;
  if (value.weight < LARGE_WEIGHT) return true;
  const unscaled = BigInt(value.unscaled(BIGNUMERIC_DIGITS));
  return unscaled <= BIGNUMERIC_MAX && unscaled >= -BIGNUMERIC_MAX;
}

/** Decodes a numeric. `fits` judges a finite one, and `reason` says why BigQuery cannot hold another one. */
export function numericDecoder(reason: string, fits: (value: DecimalGroups) => boolean): Decoder {
  const value = new DecimalGroups();
  return (buffer, at, _length, writer) => {
    const count = buffer.readUInt16BE(at);
    const sign = buffer.readUInt16BE(at + 4);
    // NaN and the infinities.
    if (sign !== POSITIVE && sign !== NEGATIVE) return reason;
    value.count = count;
    value.weight = buffer.readInt16BE(at + 2);
    value.isNegative = sign === NEGATIVE;
    value.scale = buffer.readUInt16BE(at + 6);
    for (let i = 0; i < count; i += 1) value.groups[i] = buffer.readUInt16BE(at + HEADER_BYTES + 2 * i);
    if (!fits(value)) return reason;
    writer.decimal(value);
    return null;
  };
}
