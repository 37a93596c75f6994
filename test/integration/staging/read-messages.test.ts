import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type Bucket, IdempotencyStrategy, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import type { TableShape } from '../../../shared/model/columns.ts';
import { protoFormat } from '../../../shared/staging/format/proto-format.ts';
import {
  createStaging,
  type Manifest,
  type StagedObject,
  type Staging,
} from '../../../shared/staging/staging.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { dropBefore, failBefore } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const NEVER = new AbortController().signal;
const LIMITS = { maxPartBytes: 1024, callTimeoutSeconds: 60 };
const SHAPE: TableShape = {
  view: 'xyz_incident',
  target: 'incident',
  loadType: 'bq-storage-api',
  keyColumn: 'incident_id',
  columns: [
    { name: 'incident_id', type: 'INT64', mode: 'REQUIRED' },
    { name: 'text', type: 'STRING', mode: 'NULLABLE' },
  ],
};
const { descriptor, type } = streamMessage(SHAPE);
const COLUMN = { format: 'protobuf', descriptor } as unknown as Manifest;

/** The bytes of an object with one block for each group of keys. */
async function objectOf(groups: number[][], text = () => 'of an incident'): Promise<Buffer[]> {
  const numbers = new Map((descriptor.field ?? []).map(({ name, number }) => [String(name), Number(number)]));
  const stamp = { descriptor: { ...descriptor }, numbers, etlTransactionId: 1n, updateAt: new Date(0) };
  const format = protoFormat(SHAPE.columns, stamp);
  const rows = format.openRows(LIMITS.maxPartBytes, 0);
  async function* blocks() {
    for (const group of groups) {
      for (const key of group) {
        rows.beginRow();
        rows.columns[0]?.integer(key);
        const bytes = Buffer.from(text());
        rows.columns[1]?.text(bytes, 0, bytes.length);
        rows.endRow('changed');
      }
      const block = rows.takeBlock();
      if (block !== null) yield block;
    }
  }
  return await Readable.from(format.pack(blocks())).toArray();
}

describe('reading staged messages', () => {
  let standIn: StorageStandIn;
  let storage: Storage;
  let bucket: Bucket;
  let staging: Staging;
  let objects = 0;

  before(async () => {
    standIn = await startStorage();
    storage = new Storage({
      apiEndpoint: standIn.url,
      projectId: 'local',
      authClient: new PassThroughClient(),
      retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryConditional, maxRetries: 0 },
    });
    [bucket] = await storage.createBucket('staging', { location: 'EU' });
    staging = createStaging(async () => storage, bucket.name, LIMITS);
  });
  after(() => standIn.close());
  beforeEach(() => standIn.faults.clear());

  /** Stores the content and returns its entry in the manifest; `expected` replaces fields of that entry. */
  async function put(content: Buffer, expected: Partial<StagedObject> = {}): Promise<StagedObject> {
    objects += 1;
    const name = `xyz_incident/1/upserts-${objects}.pb.zst`;
    await bucket.file(name).save(content, { resumable: false });
    const md5 = createHash('md5').update(content).digest('base64');
    return { name, rows: 0, bytes: content.length, md5, ...expected };
  }

  async function read(object: StagedObject, signal = NEVER, from = staging): Promise<number[][]> {
    const groups: number[][] = [];
    for await (const { messages, counts } of from.readMessages(object, signal)) {
      assert.deepEqual(counts, { added: 0, changed: messages.length, deleted: 0 });
      groups.push(
        messages.map((message) => Number(type.toObject(type.decode(message), { longs: Number }).incident_id)),
      );
    }
    return groups;
  }

  const GROUPS = [[1, -2], [3], [2 ** 53 - 1, 5, 6], [7]];
  const ROWS = GROUPS.flat().length;

  it('returns every message in the blocks in which they were written', async () => {
    const object = await put(Buffer.concat(await objectOf(GROUPS)), { rows: ROWS });

    assert.deepEqual(await read(object), GROUPS);
  });

  it('returns messages that are longer than what arrives at once', async () => {
    const long = randomBytes(300_000).toString('hex');
    const object = await put(Buffer.concat(await objectOf([[1], [2, 3]], () => long)), { rows: 3 });

    assert.deepEqual(await read(object), [[1], [2, 3]]);
  });

  const damages: [what: string, damage: (blocks: Buffer[]) => Buffer, expected?: Partial<StagedObject>][] = [
    ['is truncated', (blocks) => Buffer.concat(blocks).subarray(0, -9)],
    ['is truncated between two blocks', (blocks) => Buffer.concat(blocks.slice(0, 2))],
    ['is truncated within the header of a block', ([first]) => Buffer.from(first ?? '').subarray(0, 11)],
    [
      'has a corrupt block',
      (blocks) => Buffer.concat(blocks.map((block, i) => (i === 1 ? flipped(block) : block))),
    ],
    ['is something else', () => Buffer.from('{"a":1}\n'.repeat(20))],
    ['is empty', () => Buffer.alloc(0)],
    ['is another one with as many messages', (blocks) => Buffer.concat(blocks), { md5: 'of the other one' }],
    ['has more messages', (blocks) => Buffer.concat(blocks), { rows: ROWS - 1 }],
  ];
  for (const [what, damage, expected = {}] of damages) {
    it(`I8 reports an object that ${what} as lost`, async () => {
      const object = await put(damage(await objectOf(GROUPS)), { rows: ROWS, ...expected });

      await assert.rejects(read(object), { kind: 'staging_lost', message: new RegExp(object.name) });
    });
  }

  it('I8 reports an object that is gone as lost', async () => {
    const object = { name: 'xyz_incident/1/gone.pb.zst', rows: 1, bytes: 1, md5: '' };

    await assert.rejects(read(object), { kind: 'staging_lost', message: /is gone/ });
  });

  for (const [what, fault] of [
    ['an error that may pass', failBefore(503)],
    ['a dropped connection', dropBefore()],
  ] as const) {
    it(`I8 reports ${what} as transient`, async () => {
      const object = await put(Buffer.concat(await objectOf(GROUPS)), { rows: ROWS });
      standIn.faults.next('storage.objects.download', fault);

      await assert.rejects(read(object), { kind: 'transient' });
    });
  }

  /** A server whose answer begins with the given bytes and never ends by itself. */
  async function withSlowServer(
    start: Buffer,
    then: (end: () => void) => void,
    work: (from: Staging, object: StagedObject) => Promise<void>,
  ): Promise<void> {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': start.length + 10 });
      response.write(start, () => then(() => response.destroy()));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const slow = new Storage({
      apiEndpoint: `http://127.0.0.1:${port}`,
      authClient: new PassThroughClient(),
      projectId: 'local',
    });
    const object = { name: 'xyz_incident/1/upserts.pb.zst', rows: ROWS, bytes: start.length, md5: '' };
    try {
      await work(
        createStaging(async () => slow, 'staging', LIMITS),
        object,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('I8 reports a connection that breaks within an object as transient', async () => {
    const start = Buffer.concat(await objectOf(GROUPS));
    await withSlowServer(
      start,
      (end) => end(),
      async (from, object) => {
        await assert.rejects(read(object, NEVER, from), {
          kind: 'transient',
          message: new RegExp(object.name),
        });
      },
    );
  });

  it('stops at once when it is aborted, and throws the reason', async () => {
    const abort = new AbortController();
    const reason = new Error('the lease was lost');
    const start = Buffer.concat(await objectOf(GROUPS));
    await withSlowServer(
      start,
      () => abort.abort(reason),
      async (from, object) => {
        await assert.rejects(read(object, abort.signal, from), reason);
      },
    );
  });

  it('leaves no listeners on the signal when the reader stops early', async () => {
    const random = () => randomBytes(100_000).toString('hex');
    const object = await put(Buffer.concat(await objectOf([[1], [2], [3], [4], [5], [6], [7]], random)), {
      rows: 7,
    });
    const { signal } = new AbortController();

    for await (const { messages } of staging.readMessages(object, signal)) {
      assert.equal(messages.length, 1);
      break;
    }

    await new Promise(setImmediate);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  describe('their keys', () => {
    const keysOf = async (object: StagedObject) =>
      (await Readable.from(staging.readKeys(COLUMN, object, 'incident_id', NEVER)).toArray()).flat();

    it('are read as the digits of a number', async () => {
      const object = await put(Buffer.concat(await objectOf(GROUPS)), { rows: ROWS });

      assert.deepEqual(await keysOf(object), GROUPS.flat().map(String));
    });

    it('I8 count as lost where a block is corrupt', async () => {
      const blocks = await objectOf(GROUPS);
      const object = await put(Buffer.concat(blocks.map(flipped)), { rows: ROWS });

      await assert.rejects(keysOf(object), { kind: 'staging_lost', message: new RegExp(object.name) });
    });
  });
});

/** The block with other bytes after its header. */
const flipped = (block: Buffer): Buffer => Buffer.from(block.map((byte, i) => (i < 20 ? byte : byte ^ 0x5a)));
