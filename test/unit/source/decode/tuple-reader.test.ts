import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NULL_LENGTH, TupleReader } from '../../../../shared/source/decode/tuple-reader.ts';

const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const MAX_BYTES = 1_000_000;
const NONE = Buffer.alloc(0);
const TRAILER = Buffer.from([0xff, 0xff]);

const int = (bytes: 2 | 4, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const tuple = (fields: (Buffer | null)[]): Buffer =>
  Buffer.concat([
    int(2, fields.length),
    ...fields.flatMap((field) => (field === null ? [int(4, NULL_LENGTH)] : [int(4, field.length), field])),
  ]);

const message = (code: string, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(code), int(4, content.length + 4), content]);

/** The messages of a COPY with these tuples. */
const copied = (tuples: Buffer[], end = TRAILER): Buffer => {
  const [first, ...others] = [...tuples, end];
  const contents = [Buffer.concat([HEADER, first ?? NONE]), ...others].filter(({ length }) => length > 0);
  return Buffer.concat([message('H', Buffer.alloc(3)), ...contents.map((content) => message('d', content))]);
};

/** What a reader gives for these bytes, which arrive in chunks of these sizes. */
function read(bytes: Buffer, sizes: readonly number[], fields: number): (string | null)[][] {
  const reader = new TupleReader(fields, 0, MAX_BYTES);
  const found: (string | null)[][] = [];
  for (let from = 0, i = 0; from < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    reader.push(bytes.subarray(from, from + size));
    from += size;
    while (reader.next()) {
      found.push(
        Array.from(reader.starts, (start, field) => {
          const length = reader.lengths[field] ?? NULL_LENGTH;
          return length === NULL_LENGTH ? null : reader.buffer.toString('hex', start, start + length);
        }),
      );
    }
  }
  reader.assertEnded();
  return found;
}

describe('the tuples of a binary COPY', () => {
  it('are those that were sent, whatever the chunks', () => {
    const field = fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(field, field, field), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
        (rows, sizes) => {
          const bytes = copied(rows.map((row) => tuple(row)));
          assert.deepEqual(
            read(bytes, sizes, 3),
            rows.map((row) => row.map((each) => each?.toString('hex') ?? null)),
          );
        },
      ),
    );
  });

  it('may have a value that spans many chunks', () => {
    const large = Buffer.alloc(300_000, 7);
    const [found] = read(copied([tuple([large])]), [1000], 1);
    assert.equal(found?.[0], large.toString('hex'));
  });

  it('may have other messages in between', () => {
    const notice = message('N', Buffer.from('SNOTICE\0\0'));
    const bytes = Buffer.concat([
      message('d', HEADER),
      notice,
      message('d', tuple([Buffer.from('a')])),
      notice,
      message('d', TRAILER),
    ]);
    assert.deepEqual(read(bytes, [7], 1), [['61']]);
  });

  describe('that are too long', () => {
    const MAX = 100;
    const KEY = Buffer.from('the key');
    const long = (key: Buffer | null, large = 500): Buffer =>
      tuple([Buffer.alloc(large, 1), key, null, Buffer.alloc(3)]);
    const short = (text: string): Buffer => tuple([null, Buffer.from(text), null, null]);

    /** The keys, and the lengths of those that are too long. */
    function keysOf(bytes: Buffer, sizes: readonly number[]): (string | number | null)[][] {
      const reader = new TupleReader(4, 1, MAX);
      const found: (string | number | null)[][] = [];
      for (let from = 0, i = 0; from < bytes.length; i += 1) {
        const size = sizes[i % sizes.length] ?? 1;
        reader.push(bytes.subarray(from, from + size));
        from += size;
        while (reader.next()) {
          const [start = 0, length = 0] = [reader.starts[1], reader.lengths[1]];
          const key = length === NULL_LENGTH ? null : reader.buffer.toString('utf8', start, start + length);
          found.push([key, reader.longBytes]);
          if (reader.longBytes > 0)
            assert.deepEqual(
              [0, 2, 3].map((field) => reader.lengths[field]),
              [-1, -1, -1],
            );
        }
      }
      reader.assertEnded();
      return found;
    }

    for (const [where, tuples] of [
      ['at the start', [long(KEY), short('a')]],
      ['in the middle, next to each other', [short('a'), long(KEY), long(null), short('b'), short('c')]],
      ['at the end', [short('a'), short('b'), long(KEY)]],
    ] as const) {
      it(`leave their key alone, wherever they are cut: ${where}`, () => {
        const bytes = copied([...tuples]);
        const expected = tuples.map((each) =>
          each.length < MAX
            ? [each.toString('utf8', 10, 11), 0]
            : [each.includes(KEY) ? KEY.toString() : null, each.length],
        );
        for (let size = 1; size <= bytes.length; size += 1) {
          assert.deepEqual(keysOf(bytes, [size]), expected);
          assert.deepEqual(keysOf(bytes, [size, bytes.length]), expected);
        }
      });
    }

    it('are not kept while they arrive, whatever their length', () => {
      const reader = new TupleReader(4, 1, MAX);
      const bytes = copied([short('a'), long(Buffer.alloc(3_000, 'k'), 1_000_000), short('b')]);
      let [most, rows] = [0, 0];
      for (let from = 0; from < bytes.length; from += 1000) {
        reader.push(bytes.subarray(from, from + 1000));
        while (reader.next()) rows += 1;
        most = Math.max(most, reader.keptBytes);
      }
      assert.equal(rows, 3);
      assert.ok(most <= 2000, `${most} bytes`);
    });

    it('leave the beginning of a long key', () => {
      const [[key] = []] = keysOf(copied([long(Buffer.alloc(3_000, 'k'))]), [700]);
      assert.equal(key, 'k'.repeat(1000));
    });

    for (const [what, bytes] of [
      ['another number of fields', tuple([Buffer.alloc(500), null])],
      ['bytes behind them', Buffer.concat([long(KEY), int(2, 0)])],
      ['a field that is longer than the message', Buffer.concat([int(2, 4), int(4, 900), Buffer.alloc(500)])],
    ] as const) {
      it(`are refused with ${what}`, () => {
        assert.throws(() => keysOf(copied([bytes]), [64]), { kind: 'transient', message: /cannot be read/ });
      });
    }
  });

  for (const [what, bytes] of [
    ['that ends early', copied([tuple([Buffer.from('a')])], NONE)],
    ['with another signature', message('d', Buffer.from('PGCOPY\nxxxx0000000000000'))],
    ['with another number of fields', copied([tuple([null, null])])],
    ['with bytes behind a tuple', copied([Buffer.concat([tuple([null]), int(2, 0)])])],
    ['with a field that is longer than its message', copied([Buffer.concat([int(2, 1), int(4, 9)])])],
  ] as const) {
    it(`are refused of a COPY ${what}`, () => {
      assert.throws(() => read(bytes, [1000], 1), { kind: 'transient', message: /cannot be read/ });
    });
  }
});
