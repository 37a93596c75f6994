import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import type { ColumnWriter, RowBlock } from '../../../../shared/model/column-writer.ts';
import type { BigQueryType, Column } from '../../../../shared/model/columns.ts';
import { DecimalGroups } from '../../../../shared/model/decimal-groups.ts';
import { RowTooLong } from '../../../../shared/model/row-too-long.ts';
import { avroFormat } from '../../../../shared/staging/format/avro-format.ts';
import { avroRecords } from '../../../../shared/staging/format/avro-records.ts';
import { fitsAvro } from '../../../../shared/staging/format/avro-schema.ts';

const STAMP = {
  columns: [{ name: 'etl_transaction_id', type: 'INT64', mode: 'REQUIRED' }] as const,
  write: (writer: ColumnWriter) => writer.bigint(2n ** 62n),
};

/** How values of a type are made, written, and expected back from a library that knows nothing of logical types. */
type Kind = {
  type: BigQueryType;
  values: fc.Arbitrary<unknown>;
  write: (writer: ColumnWriter, value: never) => void;
  read?: (value: never) => unknown;
};

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const writeInteger = (writer: ColumnWriter, value: bigint) =>
  Number.isSafeInteger(Number(value)) ? writer.integer(Number(value)) : writer.bigint(value);
const writeText = (writer: ColumnWriter, value: string) => {
  const buffer = Buffer.from(`x${value}y`);
  writer.text(buffer, 1, buffer.length - 1);
};
const wellFormed = fc.string({ unit: 'grapheme', maxLength: 60 });
const decimal = (whole: number, scale: number) =>
  fc
    .tuple(fc.bigInt({ min: -(10n ** BigInt(whole + scale)) + 1n, max: 10n ** BigInt(whole + scale) - 1n }))
    .map(([units]) => ({ units, scale }));
const textOf = ({ units, scale }: { units: bigint; scale: number }): string => {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
};
const writeDecimal = (writer: ColumnWriter, value: { units: bigint; scale: number }) =>
  writer.decimal(DecimalGroups.parse(textOf(value)));
const unscaled = (bytes: Buffer): bigint =>
  BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));

const KINDS: Kind[] = [
  { type: 'INT64', values: int64, write: writeInteger },
  { type: 'DATE', values: fc.integer({ min: -719_162, max: 2_932_896 }), write: (w, v) => w.integer(v) },
  { type: 'TIMESTAMP', values: int64, write: writeInteger },
  { type: 'DATETIME', values: int64, write: writeInteger },
  { type: 'TIME', values: fc.integer({ min: 0, max: 86_399_999_999 }).map(BigInt), write: writeInteger },
  { type: 'FLOAT64', values: fc.double(), write: (w, v) => w.float(v) },
  { type: 'BOOL', values: fc.boolean(), write: (w, v) => w.boolean(v) },
  { type: 'STRING', values: wellFormed, write: writeText },
  { type: 'JSON', values: fc.json(), write: writeText },
  {
    type: 'BYTES',
    values: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    write: (w, v: Buffer) => w.bytes(v, 0, v.length),
  },
  { type: 'NUMERIC', values: decimal(29, 9), write: writeDecimal, read: unscaled },
  { type: 'BIGNUMERIC', values: decimal(38, 38), write: writeDecimal, read: unscaled },
];

describe('rows as Avro', () => {
  for (const { type, values, write, read = (value: unknown) => value } of KINDS) {
    it(`hold every ${type}, also NULL and in arrays, as another library reads them`, async () => {
      const columns: Column[] = [
        { name: 'required', type, mode: 'REQUIRED' },
        { name: 'nullable', type, mode: 'NULLABLE' },
        { name: 'repeated', type, mode: 'REPEATED' },
      ];
      const row = fc.record({
        required: values,
        nullable: fc.option(values),
        repeated: fc.array(values, { maxLength: 3 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
          const format = avroFormat(columns, STAMP);
          const writer = format.openRows(1_000_000, 0);
          const [required, nullable, repeated] = writer.columns;
          assert.ok(required && nullable && repeated);
          for (const each of rows) {
            writer.beginRow();
            write(required, each.required as never);
            if (each.nullable === null) nullable.null();
            else write(nullable, each.nullable as never);
            if (each.repeated.length === 0) repeated.null();
            else {
              repeated.beginArray(each.repeated.length);
              for (const value of each.repeated) write(repeated, value as never);
              repeated.endArray();
            }
            writer.endRow('added');
          }
          const found = await recordsOf(format.pack(blocksOf(writer.takeBlock())));
          const expected = (value: unknown): unknown =>
            read === unscaled ? (value as { units: bigint }).units : value;
          const readBack = (value: unknown) => (read as (value: unknown) => unknown)(value);
          assert.deepEqual(
            found.map((each) => ({
              required: readBack(each.required),
              nullable: each.nullable === null ? null : readBack(each.nullable),
              repeated: (each.repeated as unknown[]).map(readBack),
              id: each.etl_transaction_id,
            })),
            rows.map((each) => ({
              required: expected(each.required),
              nullable: each.nullable === null ? null : expected(each.nullable),
              repeated: each.repeated.map(expected),
              id: 2n ** 62n,
            })),
          );
        }),
        { numRuns: 200 },
      );
    });
  }

  it('are forgotten when they are dropped, and values when the row is rewound', async () => {
    const format = avroFormat([{ name: 'id', type: 'INT64', mode: 'NULLABLE' }], STAMP);
    const writer = format.openRows(1_000_000, 0);
    const [id] = writer.columns;
    assert.ok(id);
    for (const kept of [true, false, true]) {
      writer.beginRow();
      const mark = writer.mark();
      id.integer(7);
      writer.rewind(mark);
      id.null();
      if (kept) writer.endRow('changed');
      else writer.dropRow();
    }
    const block = writer.takeBlock();
    assert.deepEqual([block?.rows, block?.counts], [2, { added: 0, changed: 2, deleted: 0 }]);
    assert.deepEqual(
      (await recordsOf(format.pack(blocksOf(block)))).map((each) => each.id),
      [null, null],
    );
    assert.equal(writer.takeBlock(), null);
  });

  it('are refused where BigQuery does not take them in one block', () => {
    const writer = avroFormat([{ name: 'text', type: 'STRING', mode: 'NULLABLE' }], STAMP).openRows(
      1_000_000,
      0,
    );
    const accepts = (bytes: number) => {
      writer.beginRow();
      try {
        writer.columns[0]?.text(Buffer.alloc(bytes, 'x'), 0, bytes);
        writer.endRow('changed');
        return true;
      } catch (error) {
        assert.ok(error instanceof RowTooLong);
        writer.dropRow();
        return false;
      }
    };
    assert.deepEqual([10, 15_000_001, 20, 90_000_000].map(accepts), [true, false, true, false]);
    const block = writer.takeBlock();
    assert.equal(block?.rows, 2);
    assert.ok(block.bytes.length < 100);
    assert.equal(accepts(14_999_900), true);
  });

  it('have names of letters, digits and underscores alone', () => {
    assert.equal(fitsAvro([{ name: 'a_1' }, { name: '_B' }]), true);
    for (const name of ['1a', 'a b', 'งาน', 'a-b'])
      assert.equal(fitsAvro([{ name: 'a' }, { name }]), false, name);
  });
});

async function* blocksOf(...blocks: (RowBlock | null)[]): AsyncGenerator<RowBlock> {
  for (const block of blocks) if (block !== null) yield block;
}

/** As `avsc` reads them. */
async function recordsOf(file: AsyncIterable<Buffer>): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = [];
  for await (const record of avroRecords(Readable.from(file))) records.push({ ...record });
  return records;
}
