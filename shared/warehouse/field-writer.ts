import protobuf, { type Writer } from 'protobufjs/light.js';
import { daysOfDate, isDatetime, isTime, microsOfTimestamp } from '../model/calendar-text.ts';
import type { BigQueryType, Column } from '../model/columns.ts';
import { fitsBignumeric, fitsNumeric } from '../model/decimal-text.ts';
import { type ProtoType, protoField } from './proto-field.ts';

/** Why a value cannot be written, as the end of a sentence that begins "the value". Never contains the value itself. */
export class UnfitValue extends Error {}

/** Writes a value other than null. Throws `UnfitValue`. */
export type FieldWriter = (writer: Writer, value: unknown) => void;

/** Returns the tag that precedes every value of a field. */
export function fieldTag(number: number, type: ProtoType): number {
  return ((number << 3) | protobuf.types.basic[type]) >>> 0;
}

/** Returns a function that writes the staged values of a column, with their tags, as the field with that number. */
export function fieldWriter(number: number, column: Column): FieldWriter {
  const tag = fieldTag(number, protoField(column).type);
  const write = WRITE_VALUE[column.type];
  if (column.mode !== 'REPEATED') return (writer, value) => write(writer.uint32(tag), value);
  return (writer, values) => {
    if (!Array.isArray(values)) throw new UnfitValue('is not a list');
    for (const value of values) {
      if (value === null) throw new UnfitValue('contains a NULL');
      write(writer.uint32(tag), value);
    }
  };
}

/** Writes a value without its tag, as the protobuf type that `protoField` gives its column. */
const WRITE_VALUE: Record<BigQueryType, FieldWriter> = {
  INT64: (writer, value) => writer.int64(int64(value)),
  FLOAT64: (writer, value) => writer.double(float64(value)),
  NUMERIC: (writer, value) =>
    writer.string(fitting(value, fitsNumeric, 'is not a number that NUMERIC can hold')),
  BIGNUMERIC: (writer, value) =>
    writer.string(fitting(value, fitsBignumeric, 'is not a number that BIGNUMERIC can hold')),
  BOOL: (writer, value) => writer.bool(bool(value)),
  STRING: (writer, value) => writer.string(string(value)),
  BYTES: (writer, value) => writer.bytes(bytes(value)),
  DATE: (writer, value) => writer.int32(date(value)),
  DATETIME: (writer, value) =>
    writer.string(fitting(value, isDatetime, 'is not a date and time in the years 1 to 9999')),
  TIMESTAMP: (writer, value) => writer.int64(timestamp(value)),
  TIME: (writer, value) => writer.string(fitting(value, isTime, 'is not a time of day')),
  JSON: (writer, value) => writer.string(json(value)),
};

/** Turns a 64-bit integer into what protobufjs writes exactly: it writes a bigint as 0 and rounds a number beyond 2^53. */
export function asProtoInt64(value: bigint): number | string {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : String(value);
}

const INT64_TEXT = /^-?\d{1,19}$/;
/** The source writes larger numbers as text. */
const EXACT_NUMBERS = 2 ** 53;

function int64(value: unknown): number | string {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= EXACT_NUMBERS) return value;
  if (typeof value === 'string' && INT64_TEXT.test(value)) {
    const exact = BigInt(value);
    if (BigInt.asIntN(64, exact) === exact) return asProtoInt64(exact);
  }
  throw new UnfitValue('is not a 64-bit integer');
}

const NOT_FINITE = new Set(['NaN', 'Infinity', '-Infinity']);
const NUMBER_TEXT = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function float64(value: unknown): number {
  if (typeof value === 'string' && NOT_FINITE.has(value)) return Number(value);
  const isNumber = typeof value === 'number' || (typeof value === 'string' && NUMBER_TEXT.test(value));
  // JSON.parse gives infinity for 1e400.
  if (isNumber && Number.isFinite(Number(value))) return Number(value);
  throw new UnfitValue('is not a number that FLOAT64 can hold');
}

function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  // A configured default is staged as text.
  if (value === 'true' || value === 'false') return value === 'true';
  throw new UnfitValue('is neither true nor false');
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new UnfitValue('is not text');
  if (!value.isWellFormed()) throw new UnfitValue(LONE_SURROGATE);
  return value;
}

function bytes(value: unknown): Buffer {
  const decoded = Buffer.from(string(value), 'base64');
  // Node ignores characters that are not base64.
  if (decoded.toString('base64') !== value) throw new UnfitValue('is not base64');
  return decoded;
}

function date(value: unknown): number {
  const days = daysOfDate(string(value));
  if (days === null) throw new UnfitValue('is not a date in the years 1 to 9999');
  return days;
}

function timestamp(value: unknown): number | string {
  const micros = microsOfTimestamp(string(value));
  if (micros === null) throw new UnfitValue('is not a timestamp in the years 1 to 9999');
  return typeof micros === 'bigint' ? asProtoInt64(micros) : micros;
}

const LONE_SURROGATE = 'contains a lone surrogate, which UTF-8 cannot encode';
/** JSON.stringify escapes lone surrogates, and no other character, this way. */
const ESCAPED_SURROGATE = /(?<!\\)(?:\\\\)*\\ud/;

/** Checks the text into which `createRowParser` turned a JSON value. */
function json(value: unknown): string {
  const text = string(value);
  if (ESCAPED_SURROGATE.test(text)) throw new UnfitValue(LONE_SURROGATE);
  return text;
}

function fitting(value: unknown, fits: (text: string) => boolean, reason: string): string {
  if (typeof value !== 'string' || !fits(value)) throw new UnfitValue(reason);
  return value;
}
