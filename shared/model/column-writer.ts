import type { DecimalGroups } from './decimal-groups.ts';

/**
 * Writes the values of one column in one format, each into the row that was begun last. Integers stand for what the type of the column counts:
 * INT64 itself, DATE the days since 1970-01-01, TIMESTAMP and DATETIME the microseconds since 1970-01-01 (of UTC, or of no zone), TIME the
 * microseconds since midnight. A method that the type of the column has no values for throws a `RangeError`.
 */
export interface ColumnWriter {
  null(): void;
  /** Leaves the column out of a row that carries its key alone. */
  absent(): void;
  /** A safe integer, as `Number.isSafeInteger` has it. */
  integer(value: number): void;
  /** Any 64-bit integer. */
  bigint(value: bigint): void;
  float(value: number): void;
  boolean(value: boolean): void;
  decimal(value: DecimalGroups): void;
  /** UTF-8. For a JSON column, a JSON text. */
  text(buffer: Buffer, from: number, to: number): void;
  bytes(buffer: Buffer, from: number, to: number): void;
  /** Begins an array of so many elements, which the same methods write, without NULL. */
  beginArray(count: number): void;
  endArray(): void;
}

/** The log's hint, by which the applied batch counts a row; `loaded` for the rows of a whole view. */
export type RowAction = 'added' | 'changed' | 'deleted' | 'loaded';

/** Rows in the form of one format, complete and uncompressed, that belong together in a staged object. */
export type RowBlock = {
  rows: number;
  bytes: Buffer;
  counts: { added: number; changed: number; deleted: number };
};

/** Writes rows in one format. The columns are those of the shape, in order. Its columns and `endRow` throw `RowTooLong` for a row that is longer than the format can have; it is then to be dropped. */
export interface RowWriter {
  readonly columns: readonly ColumnWriter[];
  beginRow(): void;
  /** What was written of the row so far; `rewind` goes back to it. */
  mark(): number;
  rewind(mark: number): void;
  endRow(action: RowAction): void;
  /** Forgets the row that was begun. */
  dropRow(): void;
  /** Whether the rows since the last block are as many as a block should have. */
  isFull(): boolean;
  /** The rows since the last block; null if there are none. */
  takeBlock(): RowBlock | null;
}
