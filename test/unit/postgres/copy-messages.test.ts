import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import type pg from 'pg';
import { CopyMessages } from '../../../shared/postgres/copy-messages.ts';

const message = (code: string, content: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(code), length, content]);
};
const COPY_OUT_RESPONSE = message('H', Buffer.alloc(3));
const END = Buffer.concat([message('c', Buffer.alloc(0)), message('Z', Buffer.from('I'))]);

/** A connection on which a server sends these bytes, in chunks of these sizes. `rest` is what its own listener got, and `left` what nobody has read. */
function connectionWith(bytes: Buffer, sizes: readonly number[]) {
  let [from, chunks] = [0, 0];
  const stream = new Readable({
    read() {
      if (from >= bytes.length) return;
      const to = from + (sizes[chunks % sizes.length] ?? 1);
      chunks += 1;
      stream.push(bytes.subarray(from, to));
      from = to;
    },
  });
  stream.pause();
  const rest: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => rest.push(chunk));
  const connection = { stream, query: () => undefined } as unknown as pg.Connection;
  return { connection, rest, left: () => bytes.length - from };
}

const elapsed = () => new Promise((resolve) => setImmediate(resolve));

describe('the messages of a COPY', () => {
  it('are those that were sent up to its end, whatever the chunks; pg gets the others', async () => {
    const content = fc.uint8Array({ maxLength: 30 });
    const codes = fc.constantFrom('d', 'd', 'd', 'N', 'S', 'A');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(codes, content), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        async (sent, sizes) => {
          const copied = Buffer.concat([COPY_OUT_RESPONSE, ...sent.map((each) => message(...each))]);
          const { connection, rest } = connectionWith(Buffer.concat([copied, END]), sizes);
          const messages = new CopyMessages('copy');
          messages.submit(connection);
          assert.deepEqual(await buffer(messages), copied);
          await elapsed();
          assert.deepEqual(Buffer.concat(rest), END);
        },
      ),
    );
  });

  it('end with the error that pg reads', async () => {
    const error = message('E', Buffer.from('SERROR\0\0'));
    const row = message('d', Buffer.from('row'));
    const { connection, rest } = connectionWith(Buffer.concat([COPY_OUT_RESPONSE, row, error]), [9]);
    const messages = new CopyMessages('copy');
    messages.submit(connection);
    const read = buffer(messages);
    await Promise.all([
      elapsed().then(() => messages.handleError(new Error('a value is too large'))),
      assert.rejects(read, /^Error: a value is too large$/),
    ]);
    assert.deepEqual(Buffer.concat(rest), error);
  });

  it('wait in the socket while nobody reads them', async () => {
    const row = message('d', Buffer.alloc(60_000));
    const { connection, left } = connectionWith(Buffer.concat(Array(20).fill(row)), [row.length]);
    const messages = new CopyMessages('copy');
    messages.submit(connection);
    messages.read(1);
    await elapsed();
    assert.ok(left() > 14 * row.length, `${left()} bytes are left`);
    messages.destroy();
  });
});
