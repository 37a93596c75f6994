import type { ColumnWriter } from '../../model/column-writer.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';

/** The writer of a column that has no values of any kind. Each type of a format replaces the methods of its values. */
export abstract class BaseColumnWriter implements ColumnWriter {
  abstract null(): void;
  abstract absent(): void;
  integer(_value: number): void {
    throw this.#misfit('an integer');
  }
  bigint(_value: bigint): void {
    throw this.#misfit('an integer');
  }
  float(_value: number): void {
    throw this.#misfit('a float');
  }
  boolean(_value: boolean): void {
    throw this.#misfit('a boolean');
  }
  decimal(_value: DecimalGroups): void {
    throw this.#misfit('a decimal');
  }
  text(_buffer: Buffer, _from: number, _to: number): void {
    throw this.#misfit('a text');
  }
  bytes(_buffer: Buffer, _from: number, _to: number): void {
    throw this.#misfit('bytes');
  }
  beginArray(_count: number): void {
    throw this.#misfit('an array');
  }
  endArray(): void {
    throw this.#misfit('an array');
  }

  #misfit(what: string): RangeError {
    return new RangeError(`${this.constructor.name} does not write ${what}`);
  }
}
