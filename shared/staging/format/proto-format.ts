import type { RowWriter } from '../../model/column-writer.ts';
import type { Column } from '../../model/columns.ts';
import { MAX_STREAMED_ROW_BYTES } from '../../model/row-limits.ts';
import { BLOCK_HEADER, blockHeader } from './message-blocks.ts';
import { packAhead } from './pack-ahead.ts';
import { ProtoText, protoColumn } from './proto-columns.ts';
import { blockBuffer, RowBlocks, type RowFrame } from './row-blocks.ts';
import { RowBuffer } from './row-buffer.ts';
import type { RowFormat } from './row-format.ts';
import { compress } from './zstd.ts';

/** What the messages of a batch have besides the columns of the view. The numbers are those of their fields. */
export type MessageStamp = {
  /** The descriptor of the message. */
  descriptor: Record<string, unknown>;
  numbers: ReadonlyMap<string, number>;
  etlTransactionId: bigint;
  updateAt: Date;
};

/** The length of a message, as a varint that always takes so many bytes: it is known only after the message. */
const LENGTH_BYTES = 5;
/** Each COPY of a batch numbers its rows from another multiple of this on. */
const ROWS_OF_A_COPY = 2 ** 36;

/** Rows as protobuf messages, length-delimited, which the Storage Write API takes as they are. */
export function protoFormat(columns: readonly Column[], stamp: MessageStamp): RowFormat {
  return {
    name: 'protobuf',
    codec: 'zstd',
    descriptor: stamp.descriptor,
    extension: 'pb.zst',
    contentType: 'application/octet-stream',
    maxRowBytes: MAX_STREAMED_ROW_BYTES,
    openRows: (maxPartBytes, place) => openRows(columns, stamp, place * ROWS_OF_A_COPY, maxPartBytes),
    pack: (blocks) =>
      packAhead(blocks, async (block) => {
        const packed = await compress(block.bytes);
        return Buffer.concat([blockHeader(block, packed.length), packed]);
      }),
  };
}

function openRows(
  columns: readonly Column[],
  stamp: MessageStamp,
  firstOrdinal: number,
  maxPartBytes: number,
): RowWriter {
  const rows = blockBuffer(maxPartBytes, MAX_STREAMED_ROW_BYTES + LENGTH_BYTES);
  const number = (name: string): number => {
    const found = stamp.numbers.get(name);
    if (found === undefined) throw new TypeError(`the message has no field ${name}`);
    return found;
  };
  return new RowBlocks(
    rows,
    columns.map((column) => protoColumn(rows, column, number(column.name))),
    messageFrame(rows, stamp, number, firstOrdinal),
    maxPartBytes,
  );
}

function messageFrame(
  rows: RowBuffer,
  { etlTransactionId, updateAt }: MessageStamp,
  number: (name: string) => number,
  firstOrdinal: number,
): RowFrame {
  const sequence = new ProtoText(rows, number('_CHANGE_SEQUENCE_NUMBER'));
  const upsert = tailOf((buffer) => {
    new ProtoText(buffer, number('_CHANGE_TYPE')).write('UPSERT');
    protoColumn(buffer, { type: 'TIMESTAMP', mode: 'NULLABLE' }, number('update_at')).integer(
      updateAt.getTime() * 1000,
    );
    protoColumn(buffer, { type: 'INT64', mode: 'NULLABLE' }, number('etl_transaction_id')).bigint(
      etlTransactionId,
    );
  });
  // A delete carries the key alone.
  const remove = tailOf((buffer) => new ProtoText(buffer, number('_CHANGE_TYPE')).write('DELETE'));
  const prefix = `${etlTransactionId.toString(16)}/`;
  let ordinal = firstOrdinal;
  return {
    begin(buffer) {
      buffer.reserve(LENGTH_BYTES);
      buffer.at += LENGTH_BYTES;
    },
    end(buffer, start, action) {
      // In BigQuery the later batch wins, and within a batch the higher ordinal.
      ordinal += 1;
      sequence.write(prefix + ordinal.toString(16));
      const tail = action === 'deleted' ? remove : upsert;
      buffer.copy(tail, 0, tail.length);
      writeLength(buffer.bytes, start, buffer.at - start - LENGTH_BYTES);
    },
  };
}

function tailOf(write: (buffer: RowBuffer) => void): Buffer {
  const buffer = new RowBuffer(BLOCK_HEADER);
  write(buffer);
  return buffer.take();
}

function writeLength(bytes: Buffer, at: number, length: number): void {
  let rest = length;
  for (let i = 0; i < LENGTH_BYTES - 1; i += 1) {
    bytes[at + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at + LENGTH_BYTES - 1] = rest;
}
