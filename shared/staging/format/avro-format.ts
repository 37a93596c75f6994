import { randomBytes } from 'node:crypto';
import type { RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import type { Column } from '../../model/columns.ts';
import { avroColumn } from './avro-columns.ts';
import { avroSchema } from './avro-schema.ts';
import { packAhead } from './pack-ahead.ts';
import { blockBuffer, RowBlocks } from './row-blocks.ts';
import { RowBuffer } from './row-buffer.ts';
import type { RowFormat, RowStamp } from './row-format.ts';
import { compress } from './zstd.ts';

// Object container files: https://avro.apache.org/docs/1.11.1/specification/#object-container-files

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
const SYNC_BYTES = 16;
const CODEC = 'zstandard';
/** BigQuery takes blocks of 16 MB (https://cloud.google.com/bigquery/quotas#load_jobs), in which other rows may precede a long one. */
const MAX_ROW_BYTES = 15_000_000;

/** Rows as Avro files, for load jobs: their columns, and after them the fields that the stamp adds. */
export function avroFormat(columns: readonly Column[], stamp: RowStamp): RowFormat {
  const added = stamp.columns;
  const schema = JSON.stringify(avroSchema([...columns, ...added]));
  return {
    name: 'avro',
    codec: CODEC,
    descriptor: null,
    extension: 'avro',
    contentType: 'application/avro',
    maxRowBytes: MAX_ROW_BYTES,
    openRows: (maxPartBytes) => openRows(columns, stamp, maxPartBytes),
    pack: (blocks) => pack(schema, blocks),
  };
}

function openRows(columns: readonly Column[], stamp: RowStamp, maxPartBytes: number): RowWriter {
  const rows = blockBuffer(maxPartBytes, MAX_ROW_BYTES);
  const tails = new Map<RowAction, Buffer>();
  const tailOf = (action: RowAction): Buffer => {
    const known = tails.get(action);
    if (known !== undefined) return known;
    const buffer = new RowBuffer(SYNC_BYTES);
    stamp.columns.forEach((column, index) => {
      stamp.write(avroColumn(buffer, column), index, action);
    });
    const tail = buffer.take();
    tails.set(action, tail);
    return tail;
  };
  return new RowBlocks(
    rows,
    columns.map((column) => avroColumn(rows, column)),
    {
      begin: () => undefined,
      end: (buffer, _start, action) => {
        const tail = tailOf(action);
        buffer.copy(tail, 0, tail.length);
      },
    },
    maxPartBytes,
  );
}

async function* pack(schema: string, blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer> {
  const sync = randomBytes(SYNC_BYTES);
  yield header(schema, sync);
  yield* packAhead(blocks, async ({ rows, bytes }) => {
    const packed = await compress(bytes);
    const start = new RowBuffer(SYNC_BYTES);
    start.zigzag(rows);
    start.zigzag(packed.length);
    return Buffer.concat([start.take(), packed, sync]);
  });
}

function header(schema: string, sync: Buffer): Buffer {
  const entries = new RowBuffer(schema.length);
  const metadata = { 'avro.schema': schema, 'avro.codec': CODEC };
  entries.zigzag(Object.keys(metadata).length);
  for (const text of Object.entries(metadata).flat()) {
    const bytes = Buffer.from(text);
    entries.zigzag(bytes.length);
    entries.copy(bytes, 0, bytes.length);
  }
  entries.zigzag(0);
  return Buffer.concat([MAGIC, entries.take(), sync]);
}
