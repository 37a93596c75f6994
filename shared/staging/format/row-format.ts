import type { ColumnWriter, RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import type { Column } from '../../model/columns.ts';

/** What the rows of a batch have besides the columns of the view: the same for all rows with the same action. */
export type RowStamp = {
  columns: readonly Column[];
  /** Writes the value of `columns[index]`. */
  write: (writer: ColumnWriter, index: number, action: RowAction) => void;
};

/** A format of staged objects, for the rows of one batch. */
export type RowFormat = {
  name: 'avro' | 'protobuf' | 'ndjson';
  codec: string;
  /** How the names of its objects end. */
  extension: string;
  contentType: string;
  /** A writer of rows; parallel slices have one each. */
  openRows(): RowWriter;
  /** The bytes of an object with these blocks, in their order. */
  pack(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer>;
};
