import { datetimeText, timeText } from '../../model/calendar-text.ts';
import type { ColumnWriter } from '../../model/column-writer.ts';
import type { BigQueryType, Column } from '../../model/columns.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';
import { BaseColumnWriter } from './base-column-writer.ts';
import type { RowBuffer } from './row-buffer.ts';

// The wire format of protobuf: https://protobuf.dev/programming-guides/encoding/ with the types that the Storage Write API takes for those of
// BigQuery: https://cloud.google.com/bigquery/docs/supported-data-types. NULL is an absent field, and an array repeats its field.

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;

/** The tag that precedes every value of a field. */
const tag = (field: number, wireType: number): number => field * 8 + wireType;

/** The writer of a column in protobuf messages, as the field of that number. */
export function protoColumn(
  rows: RowBuffer,
  { type, mode }: Pick<Column, 'type' | 'mode'>,
  field: number,
): ColumnWriter {
  return new WRITERS[type](rows, mode, field, type);
}

abstract class ProtoColumn extends BaseColumnWriter {
  protected readonly rows: RowBuffer;
  readonly #mode: Column['mode'];
  readonly #tag: number;

  constructor(rows: RowBuffer, mode: Column['mode'], field: number, wireType: number) {
    super();
    this.rows = rows;
    this.#mode = mode;
    this.#tag = tag(field, wireType);
  }

  override null(): void {
    if (this.#mode === 'REQUIRED') throw new RangeError('a required field has no NULL');
  }
  override absent(): void {}
  override beginArray(): void {}
  override endArray(): void {}

  protected writeTag(): void {
    this.rows.varint(this.#tag);
  }
}

class ProtoInteger extends ProtoColumn {
  constructor(rows: RowBuffer, mode: Column['mode'], field: number) {
    super(rows, mode, field, VARINT);
  }
  override integer(value: number): void {
    this.writeTag();
    if (value >= 0) this.rows.varint(value);
    else this.rows.bigVarint(BigInt.asUintN(64, BigInt(value)));
  }
  override bigint(value: bigint): void {
    this.writeTag();
    this.rows.bigVarint(BigInt.asUintN(64, value));
  }
}

class ProtoBoolean extends ProtoColumn {
  constructor(rows: RowBuffer, mode: Column['mode'], field: number) {
    super(rows, mode, field, VARINT);
  }
  override boolean(value: boolean): void {
    this.writeTag();
    this.rows.byte(value ? 1 : 0);
  }
}

class ProtoDouble extends ProtoColumn {
  constructor(rows: RowBuffer, mode: Column['mode'], field: number) {
    super(rows, mode, field, FIXED_64);
  }
  override float(value: number): void {
    this.writeTag();
    this.rows.double(value);
  }
}

class ProtoBytes extends ProtoColumn {
  constructor(rows: RowBuffer, mode: Column['mode'], field: number) {
    super(rows, mode, field, LENGTH_DELIMITED);
  }
  override text(buffer: Buffer, from: number, to: number): void {
    this.writeTag();
    this.rows.varint(to - from);
    this.rows.copy(buffer, from, to);
  }
  override bytes(buffer: Buffer, from: number, to: number): void {
    this.text(buffer, from, to);
  }

  protected ascii(text: string): void {
    this.writeTag();
    this.rows.varint(text.length);
    this.rows.ascii(text);
  }
}

/** Writes a text without a buffer of its own. */
export class ProtoText extends ProtoBytes {
  constructor(rows: RowBuffer, field: number) {
    super(rows, 'REQUIRED', field);
  }
  write(ascii: string): void {
    this.ascii(ascii);
  }
}

class ProtoDecimal extends ProtoBytes {
  override decimal(value: DecimalGroups): void {
    this.ascii(value.toString());
  }
}

class ProtoCalendar extends ProtoBytes {
  readonly #textOf: (value: number | bigint) => string;

  constructor(rows: RowBuffer, mode: Column['mode'], field: number, type: BigQueryType) {
    super(rows, mode, field);
    this.#textOf = type === 'TIME' ? (value) => timeText(Number(value)) : datetimeText;
  }
  override integer(value: number): void {
    this.ascii(this.#textOf(value));
  }
  override bigint(value: bigint): void {
    this.ascii(this.#textOf(value));
  }
}

const WRITERS: Record<
  BigQueryType,
  new (
    rows: RowBuffer,
    mode: Column['mode'],
    field: number,
    type: BigQueryType,
  ) => ColumnWriter
> = {
  INT64: ProtoInteger,
  FLOAT64: ProtoDouble,
  NUMERIC: ProtoDecimal,
  BIGNUMERIC: ProtoDecimal,
  BOOL: ProtoBoolean,
  STRING: ProtoBytes,
  BYTES: ProtoBytes,
  DATE: ProtoInteger,
  DATETIME: ProtoCalendar,
  TIMESTAMP: ProtoInteger,
  TIME: ProtoCalendar,
  JSON: ProtoBytes,
};
