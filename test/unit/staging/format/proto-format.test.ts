import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { ColumnWriter, RowAction, RowBlock } from '../../../../shared/model/column-writer.ts';
import type { BigQueryType, Column, TableShape } from '../../../../shared/model/columns.ts';
import { DecimalGroups } from '../../../../shared/model/decimal-groups.ts';
import { messagesOf, packedBlocks } from '../../../../shared/staging/format/message-blocks.ts';
import { protoFormat } from '../../../../shared/staging/format/proto-format.ts';
import { streamMessage } from '../../../../shared/warehouse/stream-message.ts';

const BATCH_ID = 2n ** 40n + 10n;
const UPDATE_AT = new Date('2026-01-02T03:04:05.678Z');

const shapeOf = (columns: Column[]): TableShape => ({
  view: 'item_view',
  target: 'item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns,
});

function formatOf(shape: TableShape) {
  const { descriptor } = streamMessage(shape);
  return protoFormat(shape.columns, {
    descriptor: { ...descriptor },
    numbers: new Map((descriptor.field ?? []).map(({ name, number }) => [String(name), Number(number)])),
    etlTransactionId: BATCH_ID,
    updateAt: UPDATE_AT,
  });
}

/** The rows of a block as another library reads its messages, with 64-bit integers as texts. */
function rowsOf(shape: TableShape, block: RowBlock | null): Record<string, unknown>[] {
  const { type } = streamMessage(shape);
  return messagesOf(block?.bytes ?? Buffer.alloc(0)).map((message) =>
    type.toObject(type.decode(message), { longs: String }),
  );
}

/** How values of a type are made, written, and expected. */
type Kind = {
  type: BigQueryType;
  values: fc.Arbitrary<unknown>;
  write: (writer: ColumnWriter, value: never) => void;
  read?: (value: never) => unknown;
};

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), -(2n ** 53n), 1n - 2n ** 53n, -(2n ** 31n), -1n, 0n, 127n, 128n, 2n ** 31n),
  fc.constantFrom(2n ** 32n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n),
);
const writeInteger = (writer: ColumnWriter, value: bigint) =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? writer.integer(Number(value))
    : writer.bigint(value);
const writeText = (writer: ColumnWriter, value: string) => {
  const buffer = Buffer.from(`x${value}y`);
  writer.text(buffer, 1, buffer.length - 1);
};
/** From 0001-01-01 to 9999-12-31, in microseconds. */
const moment = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });
const isoOf = (micros: bigint): string => {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, -5);
  return fraction === 0n ? seconds : `${seconds}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
};
const decimalText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 1n, max: 10n ** 38n }),
    fc.stringMatching(/^(\.\d{1,38})?$/),
  )
  .map((parts) => parts.join(''));

const KINDS: Kind[] = [
  { type: 'INT64', values: int64, write: writeInteger, read: String },
  { type: 'TIMESTAMP', values: int64, write: writeInteger, read: String },
  { type: 'DATE', values: fc.integer({ min: -719_162, max: 2_932_896 }), write: (w, v) => w.integer(v) },
  { type: 'DATETIME', values: moment, write: writeInteger, read: isoOf },
  {
    type: 'TIME',
    values: fc.bigInt({ min: 0n, max: 86_399_999_999n }),
    write: writeInteger,
    read: (value) => isoOf(value).slice('1970-01-01T'.length),
  },
  { type: 'FLOAT64', values: fc.double(), write: (w, v) => w.float(v) },
  { type: 'BOOL', values: fc.boolean(), write: (w, v) => w.boolean(v) },
  { type: 'STRING', values: fc.string({ unit: 'grapheme', maxLength: 300 }), write: writeText },
  { type: 'JSON', values: fc.json(), write: writeText },
  {
    type: 'BYTES',
    values: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    write: (w, v: Buffer) => w.bytes(v, 0, v.length),
  },
  { type: 'NUMERIC', values: decimalText, write: (w, v) => w.decimal(DecimalGroups.parse(v)) },
  { type: 'BIGNUMERIC', values: decimalText, write: (w, v) => w.decimal(DecimalGroups.parse(v)) },
];

describe('rows as protobuf messages', () => {
  for (const { type, values, write, read = (value: unknown) => value } of KINDS) {
    it(`hold every ${type}, also NULL and in arrays, as another library reads them`, () => {
      const shape = shapeOf([
        { name: 'item_id', type, mode: 'REQUIRED' },
        { name: 'nullable', type, mode: 'NULLABLE' },
        { name: 'repeated', type, mode: 'REPEATED' },
      ]);
      const row = fc.record({
        required: values,
        nullable: fc.option(values),
        repeated: fc.array(values, { maxLength: 3 }),
      });
      fc.assert(
        fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
          const writer = formatOf(shape).openRows(1_000_000, 0);
          const [required, nullable, repeated] = writer.columns;
          assert.ok(required && nullable && repeated);
          for (const each of rows) {
            writer.beginRow();
            write(required, each.required as never);
            if (each.nullable === null) nullable.null();
            else write(nullable, each.nullable as never);
            repeated.beginArray(each.repeated.length);
            for (const value of each.repeated) write(repeated, value as never);
            repeated.endArray();
            writer.endRow('added');
          }
          const expected = (value: unknown) => read(value as never);
          assert.deepEqual(
            rowsOf(shape, writer.takeBlock()),
            rows.map((each, i) => ({
              item_id: expected(each.required),
              ...(each.nullable === null ? {} : { nullable: expected(each.nullable) }),
              ...(each.repeated.length === 0 ? {} : { repeated: each.repeated.map(expected) }),
              update_at: String(UPDATE_AT.getTime() * 1000),
              etl_transaction_id: String(BATCH_ID),
              _CHANGE_SEQUENCE_NUMBER: `1000000000a/${(i + 1).toString(16)}`,
              _CHANGE_TYPE: 'UPSERT',
            })),
          );
        }),
        { numRuns: 100 },
      );
    });
  }

  const SHAPE = shapeOf([
    { name: 'item_id', type: 'INT64', mode: 'REQUIRED' },
    { name: 'name', type: 'STRING', mode: 'NULLABLE' },
  ]);

  it('I7 have sequence numbers that no other row of their batch has, and that are above zero', () => {
    const format = formatOf(SHAPE);
    const copies = Array.from({ length: 3 }, (_, place) => format.openRows(1_000_000, place));
    const write = (copy: number, action: RowAction) => {
      const rows = copies[copy];
      rows?.beginRow();
      rows?.columns[0]?.integer(copy);
      rows?.columns[1]?.absent();
      rows?.endRow(action);
    };
    // As parallel slices do, the writers take turns.
    for (const copy of [2, 0, 1, 1, 0, 2]) write(copy, copy === 2 ? 'deleted' : 'loaded');

    const blocks = copies.map((rows) => rows.takeBlock());
    const numbers = blocks.flatMap((block) =>
      rowsOf(SHAPE, block).map((row) => String(row._CHANGE_SEQUENCE_NUMBER)),
    );
    assert.equal(new Set(numbers).size, 6);
    for (const number of numbers) assert.match(number, /^1000000000a\/[1-9a-f][0-9a-f]{0,15}$/);
    assert.deepEqual(
      blocks.map((block) => block?.counts),
      [
        { added: 2, changed: 0, deleted: 0 },
        { added: 2, changed: 0, deleted: 0 },
        { added: 0, changed: 0, deleted: 2 },
      ],
    );
  });

  it('have the key alone where they delete', () => {
    const rows = formatOf(SHAPE).openRows(1_000_000, 0);
    rows.beginRow();
    rows.columns[0]?.integer(-1);
    rows.columns[1]?.absent();
    rows.endRow('deleted');

    assert.deepEqual(rowsOf(SHAPE, rows.takeBlock()), [
      { item_id: '-1', _CHANGE_SEQUENCE_NUMBER: '1000000000a/1', _CHANGE_TYPE: 'DELETE' },
    ]);
  });

  it('leave no gap and no trace where they are dropped or rewound', () => {
    const rows = formatOf(SHAPE).openRows(1_000_000, 0);
    for (const [key, isKept] of [
      [1, true],
      [2, false],
      [3, true],
    ] as const) {
      rows.beginRow();
      rows.columns[0]?.integer(key);
      const mark = rows.mark();
      rows.columns[1]?.text(Buffer.from('forgotten'), 0, 9);
      rows.rewind(mark);
      rows.columns[1]?.null();
      if (isKept) rows.endRow('changed');
      else rows.dropRow();
    }

    assert.deepEqual(
      rowsOf(SHAPE, rows.takeBlock()).map((row) => [row.item_id, row.name, row._CHANGE_SEQUENCE_NUMBER]),
      [
        ['1', undefined, '1000000000a/1'],
        ['3', undefined, '1000000000a/2'],
      ],
    );
  });

  it('come back in their blocks, however the bytes of the object arrive', async () => {
    const format = formatOf(SHAPE);
    const rows = format.openRows(1_000_000, 0);
    const keys = [['1', '2'], ['3'], ['4', '5', '6'], ['7'], ['8']];
    async function* blocks() {
      for (const group of keys) {
        for (const key of group) {
          rows.beginRow();
          rows.columns[0]?.bigint(BigInt(key));
          writeText(rows.columns[1] as ColumnWriter, 'a'.repeat(Number(key) * 1000));
          rows.endRow('added');
        }
        const block = rows.takeBlock();
        if (block !== null) yield block;
      }
    }
    const object = Buffer.concat(await Readable.from(format.pack(blocks())).toArray());

    for (const size of [1, 7, 64, object.length]) {
      const found: string[][] = [];
      for await (const { rows: count, packed } of packedBlocks(chunksOf(object, size))) {
        const block = { bytes: zstdDecompressSync(packed) } as RowBlock;
        found.push(rowsOf(SHAPE, block).map((row) => String(row.item_id)));
        assert.equal(count, found.at(-1)?.length);
      }
      assert.deepEqual(found, keys);
    }
  });
});

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
