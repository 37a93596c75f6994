import assert from 'node:assert/strict';
import type { ColumnPlan } from '../../../../shared/source/decode/column-plan.ts';
import { TupleEncoder } from '../../../../shared/source/decode/encode-rows.ts';
import { jsonFormat } from '../../../../shared/staging/format/json-format.ts';

const KEY: ColumnPlan = {
  ...{ name: 'project_id', copied: 'v.project_id', policy: 'stop', fallback: null, nullStops: null },
  ...{ isNullReplaced: false, counted: null },
  decode: (buffer, from, _length, writer) => {
    writer.integer(buffer.readInt32BE(from));
    return null;
  },
};

const int = (bytes: 2 | 4, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const message = (...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from('d'), int(4, content.length + 4), content]);
};
const HEADER = message(Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8));
const row = (key: number): Buffer => message(int(2, 1), int(4, 4), int(4, key));
const TRAILER = message(int(2, -1));

/** The lines of the rows that a COPY with these messages has. */
async function encode(messages: Buffer[]): Promise<string[]> {
  async function* chunks() {
    yield* messages;
  }
  const columns = [{ name: KEY.name, type: 'INT64', mode: 'REQUIRED' } as const];
  const format = jsonFormat(columns, { columns: [], write: () => undefined });
  const rows = { columns: [KEY], keyIndex: 0, isIntegerKey: true, isKeyOnly: false } as const;
  const encoder = new TupleEncoder({ ...rows, action: 'loaded' }, format.openRows(1_000_000, 0));
  const blocks: Buffer[] = [];
  for await (const { bytes } of encoder.blocks(chunks())) blocks.push(bytes);
  return Buffer.concat(blocks).toString().split('\n').filter(Boolean);
}

describe('the encoder of a COPY', () => {
  it('writes the rows of one that came to its end', async () => {
    assert.deepEqual(
      (await encode([HEADER, row(1), row(2), TRAILER])).map((line) => JSON.parse(line)),
      [{ project_id: 1 }, { project_id: 2 }],
    );
  });

  for (const [what, messages] of [
    ['after a row', [HEADER, row(1), row(2)]],
    ['after its header', [HEADER]],
    ['within a row', [HEADER, row(1), row(2).subarray(0, -1)]],
    ['before it began', []],
  ] as const) {
    it(`I2 refuses one that ends ${what}, without its trailer: rows would be missing`, async () => {
      await assert.rejects(encode([...messages]), { kind: 'transient', message: /it ended early/ });
    });
  }
});
