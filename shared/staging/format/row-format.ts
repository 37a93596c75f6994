import type { ColumnWriter, RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import type { Column } from '../../model/columns.ts';
import type { StagedFormat } from '../../model/staged-format.ts';
import type { Manifest } from '../manifest.ts';

/** What the rows of a batch have besides the columns of the view: the same for all rows with the same action. */
export type RowStamp = {
  columns: readonly Column[];
  /** Writes the value of `columns[index]`. */
  write: (writer: ColumnWriter, index: number, action: RowAction) => void;
};

/** A format of staged objects, for the rows of one batch. */
export type RowFormat = {
  name: StagedFormat;
  codec: Manifest['codec'];
  /** What its messages need to be understood, as the manifest keeps it; null for a format that describes itself. */
  descriptor: Record<string, unknown> | null;
  /** How the names of its objects end. */
  extension: string;
  contentType: string;
  /** The maximum of a row in this format. */
  maxRowBytes: number;
  /**
   * A writer of the rows of one COPY, for objects of so many bytes, before compression. `place` numbers the COPY among those of its batch, from 0 on; the
   * same rows need the same place at every attempt.
   */
  openRows(maxPartBytes: number, place: number): RowWriter;
  /** The bytes of an object with these blocks, in their order. */
  pack(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer>;
};
