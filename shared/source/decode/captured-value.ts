import type { ColumnWriter } from '../../model/column-writer.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';

/** Keeps the last value that a decoder wrote, instead of writing it. It is to be looked at before the next value is decoded. */
export class CapturedValue implements ColumnWriter {
  /** The integer, as `ColumnWriter` has it; null for a value of another kind. */
  whole: number | bigint | null = null;
  #value: unknown = null;
  #encoding: 'utf8' | 'hex' = 'utf8';
  #from = 0;
  #to = 0;

  /** Made only when it is asked for: few of the values are shown. */
  get shown(): string {
    const value = this.#value;
    return Buffer.isBuffer(value) ? value.toString(this.#encoding, this.#from, this.#to) : String(value);
  }

  null(): void {
    this.#keep('NULL');
  }
  absent(): void {
    this.null();
  }
  integer(value: number): void {
    this.#keep(value);
    this.whole = value;
  }
  bigint(value: bigint): void {
    this.#keep(value);
    this.whole = value;
  }
  float(value: number): void {
    this.#keep(value);
  }
  boolean(value: boolean): void {
    this.#keep(value);
  }
  decimal(value: DecimalGroups): void {
    this.#keep(value);
  }
  text(buffer: Buffer, from: number, to: number): void {
    this.#keepBytes(buffer, from, to, 'utf8');
  }
  bytes(buffer: Buffer, from: number, to: number): void {
    this.#keepBytes(buffer, from, to, 'hex');
  }
  beginArray(): void {}
  endArray(): void {}

  #keep(value: unknown): void {
    this.whole = null;
    this.#value = value;
  }

  #keepBytes(buffer: Buffer, from: number, to: number, encoding: 'utf8' | 'hex'): void {
    this.#keep(buffer);
    this.#from = from;
    this.#to = to;
    this.#encoding = encoding;
  }
}
