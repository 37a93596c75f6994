import assert from 'node:assert/strict';
import type { BigQueryType } from '../../../../shared/model/columns.ts';
import { RowTooLong } from '../../../../shared/model/row-too-long.ts';
import { jsonFormat } from '../../../../shared/staging/format/json-format.ts';

const open = (type: BigQueryType) =>
  jsonFormat([{ name: 'v', type, mode: 'NULLABLE' }], { columns: [], write: () => undefined }).openRows(
    1_000_000,
    0,
  );

function lineOf(type: BigQueryType, value: Buffer): string {
  const rows = open(type);
  rows.beginRow();
  if (type === 'BYTES') rows.columns[0]?.bytes(value, 0, value.length);
  else rows.columns[0]?.text(value, 0, value.length);
  rows.endRow('added');
  return String(rows.takeBlock()?.bytes);
}

describe('rows as JSON lines', () => {
  // More than one piece, cut in the middle of characters and of escapes.
  for (const text of ['\u0001"\\\nก😀a', 'plain', '\u001f', 'กข', '"']) {
    for (const length of [0, 1, 50_000, 300_000]) {
      it(`hold ${length} times ${JSON.stringify(text)}`, () => {
        const long = text.repeat(length);
        assert.equal(lineOf('STRING', Buffer.from(long)), `${JSON.stringify({ v: long })}\n`);
      });
    }
  }

  for (const length of [0, 1, 2, 49_151, 49_152, 49_153, 200_000]) {
    it(`hold ${length} bytes`, () => {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => i % 251));
      assert.equal(lineOf('BYTES', bytes), `{"v":"${bytes.toString('base64')}"}\n`);
    });
  }

  it('are refused while they are written where memory is too small for them', () => {
    const rows = open('STRING');
    const sizes: number[] = [];
    const allocate = Buffer.allocUnsafe;
    Buffer.allocUnsafe = (size) => {
      sizes.push(size);
      return allocate(size);
    };
    try {
      rows.beginRow();
      const value = Buffer.alloc(20_000_000, 1);
      assert.throws(() => rows.columns[0]?.text(value, 0, value.length), RowTooLong);
    } finally {
      Buffer.allocUnsafe = allocate;
    }
    assert.ok(Math.max(...sizes) < 34_000_000, String(sizes));
  });
});
