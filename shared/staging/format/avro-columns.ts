import type { ColumnWriter } from '../../model/column-writer.ts';
import type { BigQueryType, Column } from '../../model/columns.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';
import { BaseColumnWriter } from './base-column-writer.ts';
import type { RowBuffer } from './row-buffer.ts';

// The binary encoding of values: https://avro.apache.org/docs/1.11.1/specification/#binary-encoding
// A union with null begins with the place of its branch; an array is a block of elements, and ends with an empty block.

const NULL_BRANCH = 0;
const VALUE_BRANCH = 2;
const END_OF_ARRAY = 0;

/** The writer of a column in Avro records. */
export function avroColumn(rows: RowBuffer, { type, mode }: Pick<Column, 'type' | 'mode'>): ColumnWriter {
  return new WRITERS[type](rows, mode, type);
}

abstract class AvroColumn extends BaseColumnWriter {
  protected readonly rows: RowBuffer;
  readonly #mode: Column['mode'];

  constructor(rows: RowBuffer, mode: Column['mode'], _type: BigQueryType) {
    super();
    this.rows = rows;
    this.#mode = mode;
  }

  override null(): void {
    if (this.#mode === 'REQUIRED') throw new RangeError('a required column has no NULL');
    this.rows.byte(this.#mode === 'REPEATED' ? END_OF_ARRAY : NULL_BRANCH);
  }
  override absent(): void {
    this.null();
  }
  override beginArray(count: number): void {
    if (count > 0) this.rows.zigzag(count);
  }
  override endArray(): void {
    this.rows.byte(END_OF_ARRAY);
  }

  protected beginValue(): void {
    if (this.#mode === 'NULLABLE') this.rows.byte(VALUE_BRANCH);
  }
}

class AvroInteger extends AvroColumn {
  override integer(value: number): void {
    this.beginValue();
    this.rows.zigzag(value);
  }
  override bigint(value: bigint): void {
    this.beginValue();
    this.rows.bigZigzag(value);
  }
}

class AvroDouble extends AvroColumn {
  override float(value: number): void {
    this.beginValue();
    this.rows.double(value);
  }
}

class AvroBoolean extends AvroColumn {
  override boolean(value: boolean): void {
    this.beginValue();
    this.rows.byte(value ? 1 : 0);
  }
}

class AvroBytes extends AvroColumn {
  override text(buffer: Buffer, from: number, to: number): void {
    this.beginValue();
    this.rows.varint((to - from) * 2);
    this.rows.copy(buffer, from, to);
  }
  override bytes(buffer: Buffer, from: number, to: number): void {
    this.text(buffer, from, to);
  }
}

const SCALES: Partial<Record<BigQueryType, number>> = { NUMERIC: 9, BIGNUMERIC: 38 };
const WORD_BITS = 64n;
const WORD_BYTES = 8;
/** 32-bit halves of a safe integer. */
const HALF = 2 ** 32;

/** The unscaled number in two's complement, the highest byte first. */
class AvroDecimal extends AvroColumn {
  readonly #scale: number;
  readonly #words: number;

  constructor(rows: RowBuffer, mode: Column['mode'], type: BigQueryType) {
    super(rows, mode, type);
    this.#scale = SCALES[type] ?? 0;
    this.#words = type === 'NUMERIC' ? 2 : 4;
  }

  override decimal(value: DecimalGroups): void {
    this.beginValue();
    const unscaled = value.unscaled(this.#scale);
    if (typeof unscaled === 'number') this.#word(unscaled);
    else this.#wide(unscaled);
  }

  #word(value: number): void {
    const { rows } = this;
    rows.varint(WORD_BYTES * 2);
    rows.reserve(WORD_BYTES);
    const high = Math.floor(value / HALF);
    rows.bytes.writeInt32BE(high, rows.at);
    rows.at = rows.bytes.writeUInt32BE(value - high * HALF, rows.at + 4);
  }

  #wide(value: bigint): void {
    const { rows } = this;
    const length = this.#words * WORD_BYTES;
    if (BigInt.asIntN(length * 8, value) !== value)
      throw new RangeError('the number is too large for its type');
    rows.varint(length * 2);
    rows.reserve(length);
    let rest = value;
    for (let at = rows.at + length - WORD_BYTES; at >= rows.at; at -= WORD_BYTES) {
      rows.bytes.writeBigUInt64BE(BigInt.asUintN(64, rest), at);
      rest >>= WORD_BITS;
    }
    rows.at += length;
  }
}

const WRITERS: Record<
  BigQueryType,
  new (
    rows: RowBuffer,
    mode: Column['mode'],
    type: BigQueryType,
  ) => ColumnWriter
> = {
  INT64: AvroInteger,
  FLOAT64: AvroDouble,
  NUMERIC: AvroDecimal,
  BIGNUMERIC: AvroDecimal,
  BOOL: AvroBoolean,
  STRING: AvroBytes,
  BYTES: AvroBytes,
  DATE: AvroInteger,
  DATETIME: AvroInteger,
  TIMESTAMP: AvroInteger,
  TIME: AvroInteger,
  JSON: AvroBytes,
};
