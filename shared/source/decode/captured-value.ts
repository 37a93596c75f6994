import type { ColumnWriter } from '../../model/column-writer.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';

/** Keeps the last value that a decoder wrote, instead of writing it. */
export class CapturedValue implements ColumnWriter {
  /** The integer, as `ColumnWriter` has it; null for a value of another kind. */
  whole: number | bigint | null = null;
  shown = '';

  null(): void {
    this.#keep('NULL');
  }
  absent(): void {
    this.null();
  }
  integer(value: number): void {
    this.#keep(String(value), value);
  }
  bigint(value: bigint): void {
    this.#keep(String(value), value);
  }
  float(value: number): void {
    this.#keep(String(value));
  }
  boolean(value: boolean): void {
    this.#keep(String(value));
  }
  decimal(value: DecimalGroups): void {
    this.#keep(String(value));
  }
  text(buffer: Buffer, from: number, to: number): void {
    this.#keep(buffer.toString('utf8', from, to));
  }
  bytes(buffer: Buffer, from: number, to: number): void {
    this.#keep(buffer.toString('hex', from, to));
  }
  beginArray(): void {}
  endArray(): void {}

  #keep(text: string, whole: number | bigint | null = null): void {
    this.shown = text;
    this.whole = whole;
  }
}
