import protobuf, { type Writer } from 'protobufjs/light.js';
import type { BigQueryType, Column } from '../model/columns.ts';
import { daysOfDate, isDatetime, isTime, microsOfTimestamp } from './calendar-text.ts';
import { fitsBignumeric, fitsNumeric } from './decimal-text.ts';
import { type ProtoType, protoField } from './proto-field.ts';

/** Why a value cannot be written, said of "the value …"; never the value itself. */
export class UnfitValue extends Error {}

/** Writes a value that is not null. Throws `UnfitValue`. */
export type FieldWriter = (writer: Writer, value: unknown) => void;

/** What stands before every value of a field. */
export function fieldTag(number: number, type: ProtoType): number {
  return ((number << 3) | protobuf.types.basic[type]) >>> 0;
}

/** How the staged values of a column are written, with their tags, as the field of that number. */
export function fieldWriter(number: number, column: Column): FieldWriter {
  const tag = fieldTag(number, protoField(column).type);
  const write = WRITE_VALUE[column.type];
  if (column.mode !== 'REPEATED') return (writer, value) => write(writer.uint32(tag), value);
  return (writer, values) => {
    if (!Array.isArray(values)) throw new UnfitValue('is no list');
    for (const value of values) {
      if (value === null) throw new UnfitValue('holds a NULL');
      write(writer.uint32(tag), value);
    }
  };
}

/** The value without its tag, in the form that protoField names for its type. */
const WRITE_VALUE: Record<BigQueryType, FieldWriter> = {
  INT64: (writer, value) => writer.int64(int64(value)),
  FLOAT64: (writer, value) => writer.double(float64(value)),
  NUMERIC: (writer, value) => writer.string(fitting(value, fitsNumeric, 'is no number that NUMERIC holds')),
  BIGNUMERIC: (writer, value) =>
    writer.string(fitting(value, fitsBignumeric, 'is no number that BIGNUMERIC holds')),
  BOOL: (writer, value) => writer.bool(bool(value)),
  STRING: (writer, value) => writer.string(string(value)),
  BYTES: (writer, value) => writer.bytes(bytes(value)),
  DATE: (writer, value) => writer.int32(date(value)),
  DATETIME: (writer, value) =>
    writer.string(fitting(value, isDatetime, 'is no date and time of the years 1 to 9999')),
  TIMESTAMP: (writer, value) => writer.int64(timestamp(value)),
  TIME: (writer, value) => writer.string(fitting(value, isTime, 'is no time of day')),
  JSON: (writer, value) => writer.string(json(value)),
};

/** 64 bits as protobufjs takes them exactly: it writes a bigint as 0, and rounds a number beyond 2^53, but no text. */
export function asProtoInt64(value: bigint): number | string {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : String(value);
}

const INT64_TEXT = /^-?\d{1,19}$/;
/** The source writes what lies beyond as text. */
const EXACT_NUMBERS = 2 ** 53;

function int64(value: unknown): number | string {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= EXACT_NUMBERS) return value;
  if (typeof value === 'string' && INT64_TEXT.test(value)) {
    const exact = BigInt(value);
    if (BigInt.asIntN(64, exact) === exact) return asProtoInt64(exact);
  }
  throw new UnfitValue('is no whole number of 64 bits');
}

const NOT_FINITE = new Set(['NaN', 'Infinity', '-Infinity']);
const NUMBER_TEXT = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function float64(value: unknown): number {
  if (typeof value === 'string' && NOT_FINITE.has(value)) return Number(value);
  const isNumber = typeof value === 'number' || (typeof value === 'string' && NUMBER_TEXT.test(value));
  // JSON.parse gives infinity for 1e400.
  if (isNumber && Number.isFinite(Number(value))) return Number(value);
  throw new UnfitValue('is no number that FLOAT64 holds');
}

function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  // A configured default is staged as text.
  if (value === 'true' || value === 'false') return value === 'true';
  throw new UnfitValue('is neither true nor false');
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new UnfitValue('is no text');
  if (!value.isWellFormed()) throw new UnfitValue('holds half a surrogate pair, which UTF-8 cannot');
  return value;
}

function bytes(value: unknown): Buffer {
  const decoded = Buffer.from(string(value), 'base64');
  // Node skips what is no base64.
  if (decoded.toString('base64') !== value) throw new UnfitValue('is no base64');
  return decoded;
}

function date(value: unknown): number {
  const days = daysOfDate(string(value));
  if (days === null) throw new UnfitValue('is no date of the years 1 to 9999');
  return days;
}

function timestamp(value: unknown): number | string {
  const micros = microsOfTimestamp(string(value));
  if (micros === null) throw new UnfitValue('is no timestamp of the years 1 to 9999');
  return typeof micros === 'bigint' ? asProtoInt64(micros) : micros;
}

/** JSON.stringify writes half a surrogate pair as an escape, and nothing else so. */
const HALF_A_PAIR = /(?<!\\)(?:\\\\)*\\ud/;

/** The text that `createRowParser` made of a JSON value. */
function json(value: unknown): string {
  const text = string(value);
  if (HALF_A_PAIR.test(text)) throw new UnfitValue('holds half a surrogate pair, which UTF-8 cannot');
  return text;
}

function fitting(value: unknown, fits: (text: string) => boolean, reason: string): string {
  if (typeof value !== 'string' || !fits(value)) throw new UnfitValue(reason);
  return value;
}
