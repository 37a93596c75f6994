import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { RowBlock } from '../../model/column-writer.ts';
import type { Column } from '../../model/columns.ts';
import { JsonColumn, START_OF_ROW } from './json-columns.ts';
import { blockBuffer, RowBlocks } from './row-blocks.ts';
import type { RowFormat, RowStamp } from './row-format.ts';

const END_OF_ROW = '}\n';
// Staged objects are short-lived, so the fastest compression costs least overall.
const GZIP_LEVEL = 1;
/** BigQuery takes 100 MB (https://cloud.google.com/bigquery/quotas#load_jobs), a function has no memory for so much (docs/decisions.md, 129). */
const MAX_ROW_BYTES = 32_000_000;

/** Rows as JSON objects, one per line, for load jobs of views whose columns have names that Avro cannot hold. */
export function jsonFormat(columns: readonly Column[], stamp: RowStamp): RowFormat {
  return {
    name: 'ndjson',
    codec: 'gzip',
    descriptor: null,
    extension: 'ndjson.gz',
    contentType: 'application/gzip',
    maxRowBytes: MAX_ROW_BYTES,
    openRows(maxPartBytes) {
      const rows = blockBuffer(maxPartBytes, MAX_ROW_BYTES);
      const added = stamp.columns.map((column) => new JsonColumn(rows, column));
      const written = columns.map((column) => new JsonColumn(rows, column));
      return new RowBlocks(
        rows,
        written,
        {
          begin: (buffer) => buffer.byte(START_OF_ROW),
          end: (buffer, _start, action) => {
            added.forEach((writer, index) => {
              stamp.write(writer, index, action);
            });
            buffer.ascii(END_OF_ROW);
          },
        },
        maxPartBytes,
      );
    },
    pack,
  };
}

async function* pack(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer> {
  const gzip = createGzip({ level: GZIP_LEVEL });
  const packed = pipeline(bytesOf(blocks), gzip);
  // It destroys the stream that is read here with its error.
  packed.catch(() => undefined);
  yield* gzip as AsyncIterable<Buffer>;
  await packed;
}

async function* bytesOf(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer> {
  for await (const { bytes } of blocks) yield bytes;
}
