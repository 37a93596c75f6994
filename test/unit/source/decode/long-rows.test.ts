import assert from 'node:assert/strict';
import type { RowBlock } from '../../../../shared/model/column-writer.ts';
import type { Column } from '../../../../shared/model/columns.ts';
import type { ColumnPlan } from '../../../../shared/source/decode/column-plan.ts';
import { TupleEncoder } from '../../../../shared/source/decode/encode-rows.ts';
import { type Decoder, decodeBytea, decodeInt8 } from '../../../../shared/source/decode/value-decoder.ts';
import { avroFormat } from '../../../../shared/staging/format/avro-format.ts';
import { jsonFormat } from '../../../../shared/staging/format/json-format.ts';
import { protoFormat } from '../../../../shared/staging/format/proto-format.ts';

const COLUMNS: Column[] = [
  { name: 'large', type: 'BYTES', mode: 'NULLABLE' },
  { name: 'id', type: 'INT64', mode: 'REQUIRED' },
];
const STAMP = { columns: [], write: () => undefined };
const FIELDS = ['large', 'id', '_CHANGE_SEQUENCE_NUMBER', '_CHANGE_TYPE', 'update_at', 'etl_transaction_id'];
const FORMATS = [
  avroFormat(COLUMNS, STAMP),
  jsonFormat(COLUMNS, STAMP),
  protoFormat(COLUMNS, {
    descriptor: {},
    numbers: new Map(FIELDS.map((name, index) => [name, index + 1])),
    etlTransactionId: 5n,
    updateAt: new Date(0),
  }),
];

const plan = (name: string, decode: Decoder): ColumnPlan => ({
  name,
  copied: name,
  decode,
  policy: 'stop',
  fallback: null,
  nullStops: null,
  isNullReplaced: false,
  counted: null,
});

const message = (content: Buffer): Buffer => {
  const header = Buffer.from('d\0\0\0\0');
  header.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([header, content]);
};

/** The message of a row whose key follows a value of so many bytes. */
const row = (id: number, bytes: number): Buffer => {
  const tuple = Buffer.alloc(18 + bytes, 'x');
  tuple.writeInt16BE(2, 0);
  tuple.writeInt32BE(bytes, 2);
  tuple.writeInt32BE(8, 6 + bytes);
  tuple.writeBigInt64BE(BigInt(id), 10 + bytes);
  return message(tuple);
};

async function* copyOf(rows: Buffer[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.concat([
    message(Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])),
    ...rows,
    message(Buffer.from([0xff, 0xff])),
  ]);
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

describe('rows that are too long', () => {
  for (const format of FORMATS) {
    const encode = async (rows: Buffer[], maxRowBytes?: number) => {
      const encoder = new TupleEncoder(
        {
          columns: [plan('large', decodeBytea), plan('id', decodeInt8)],
          keyIndex: 1,
          isIntegerKey: true,
          isKeyOnly: false,
          action: 'loaded',
        },
        format.openRows(1_000_000, 0),
        maxRowBytes,
      );
      const blocks: RowBlock[] = [];
      for await (const block of encoder.blocks(copyOf(rows))) blocks.push(block);
      return { encoder, rows: blocks.reduce((sum, block) => sum + block.rows, 0) };
    };

    it(`name their keys before they are kept, and the rows between them are judged: ${format.name}`, async () => {
      const { encoder, rows } = await encode([row(1, 10), row(2, 5000), row(3, 10), row(4, 6000)], 1000);
      assert.equal(rows, 0);
      assert.equal(encoder.longRow, null);
      assert.deepEqual(
        encoder.refusals.named,
        [
          { key: '2', bytes: 5018 },
          { key: '4', bytes: 6018 },
        ].map(({ key, bytes }) => ({
          index: null,
          key,
          reason: `has ${bytes} bytes in the binary form of PostgreSQL; a row may have at most 1000`,
        })),
      );
    });

    it(`name the first that the format cannot have: ${format.name}`, async () => {
      // A third longer as JSON, in base64.
      const size = format.name === 'ndjson' ? 24_100_000 : format.maxRowBytes;
      const { encoder, rows } = await encode(
        [row(1, 10), row(2, size), row(3, size), row(4, 10)],
        40_000_000,
      );
      assert.deepEqual(encoder.longRow, { key: '2' });
      assert.equal(rows, 0);
      assert.ok(encoder.refusals.isEmpty);
    });
  }
});
