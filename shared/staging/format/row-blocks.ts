import type { ColumnWriter, RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import { RowTooLong } from '../../model/row-too-long.ts';
import { RowBuffer } from './row-buffer.ts';

/** What a format writes of a row besides the values of its columns. */
export type RowFrame = {
  /** Writes what precedes the columns. */
  begin(rows: RowBuffer): void;
  /** Writes what follows them. The row starts at `start`. */
  end(rows: RowBuffer, start: number, action: RowAction): void;
};

/** So much a block has at least, unless the rows end: large enough to compress well, and small enough for memory. */
const BLOCK_BYTES = 512 * 1024;
/** Room for the row that fills a block. */
const LAST_ROW_BYTES = 64 * 1024;

/** A buffer for the rows of blocks of so many bytes. */
export const blockBuffer = (maxPartBytes: number, maxRowBytes: number): RowBuffer =>
  new RowBuffer(blockBytes(maxPartBytes) + LAST_ROW_BYTES, maxRowBytes);

/** An object consists of whole blocks. */
const blockBytes = (maxPartBytes: number): number => Math.min(BLOCK_BYTES, maxPartBytes);

/** Collects rows in blocks. */
export class RowBlocks implements RowWriter {
  readonly columns: readonly ColumnWriter[];
  readonly #buffer: RowBuffer;
  readonly #frame: RowFrame;
  readonly #blockBytes: number;
  #rows = 0;
  #counts = { added: 0, changed: 0, deleted: 0 };

  constructor(buffer: RowBuffer, columns: readonly ColumnWriter[], frame: RowFrame, maxPartBytes: number) {
    this.#blockBytes = blockBytes(maxPartBytes);
    this.#buffer = buffer;
    this.columns = columns;
    this.#frame = frame;
  }

  beginRow(): void {
    this.#buffer.rowStart = this.#buffer.at;
    this.#frame.begin(this.#buffer);
  }

  mark(): number {
    return this.#buffer.at;
  }

  rewind(mark: number): void {
    this.#buffer.at = mark;
  }

  endRow(action: RowAction): void {
    this.#frame.end(this.#buffer, this.#buffer.rowStart, action);
    if (this.#buffer.at - this.#buffer.rowStart > this.#buffer.maxRowBytes) throw new RowTooLong();
    this.#rows += 1;
    // The rows of a whole view have no log row.
    this.#counts[action === 'loaded' ? 'added' : action] += 1;
  }

  dropRow(): void {
    this.#buffer.at = this.#buffer.rowStart;
  }

  isFull(): boolean {
    return this.#buffer.at >= this.#blockBytes;
  }

  takeBlock(): RowBlock | null {
    if (this.#rows === 0) return null;
    const block = { rows: this.#rows, counts: this.#counts, bytes: this.#buffer.take() };
    this.#rows = 0;
    this.#counts = { added: 0, changed: 0, deleted: 0 };
    return block;
  }
}
