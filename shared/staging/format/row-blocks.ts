import type { ColumnWriter, RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import type { RowBuffer } from './row-buffer.ts';

/** What a format writes of a row besides the values of its columns. */
export type RowFrame = {
  /** Writes what precedes the columns. */
  begin(rows: RowBuffer): void;
  /** Writes what follows them. The row starts at `start`. */
  end(rows: RowBuffer, start: number, action: RowAction): void;
};

/** Collects rows in blocks. */
export class RowBlocks implements RowWriter {
  readonly columns: readonly ColumnWriter[];
  readonly #buffer: RowBuffer;
  readonly #frame: RowFrame;
  #rowStart = 0;
  #rows = 0;
  #counts = { added: 0, changed: 0, deleted: 0 };

  constructor(buffer: RowBuffer, columns: readonly ColumnWriter[], frame: RowFrame) {
    this.#buffer = buffer;
    this.columns = columns;
    this.#frame = frame;
  }

  beginRow(): void {
    this.#rowStart = this.#buffer.at;
    this.#frame.begin(this.#buffer);
  }

  mark(): number {
    return this.#buffer.at;
  }

  rewind(mark: number): void {
    this.#buffer.at = mark;
  }

  endRow(action: RowAction): void {
    this.#frame.end(this.#buffer, this.#rowStart, action);
    this.#rows += 1;
    // The rows of a whole view have no log row.
    this.#counts[action === 'loaded' ? 'added' : action] += 1;
  }

  dropRow(): void {
    this.#buffer.at = this.#rowStart;
  }

  isFull(): boolean {
    return this.#buffer.isFull;
  }

  takeBlock(): RowBlock | null {
    if (this.#rows === 0) return null;
    const block = { rows: this.#rows, counts: this.#counts, bytes: this.#buffer.take() };
    this.#rows = 0;
    this.#counts = { added: 0, changed: 0, deleted: 0 };
    return block;
  }
}
