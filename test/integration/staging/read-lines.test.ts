import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Bucket, IdempotencyStrategy, Storage } from '@google-cloud/storage';
import fc from 'fast-check';
import { PassThroughClient } from 'google-auth-library';
import { createStaging, type StagedObject, type Staging } from '../../../shared/staging/staging.ts';
import { dropBefore, failBefore, hold } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const NEVER = new AbortController().signal;
const LIMITS = { maxPartBytes: 1024, callTimeoutSeconds: 60 };

describe('reading staged lines', () => {
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
    const name = `xyz_incident/1/upserts-${objects}.ndjson.gz`;
    await bucket.file(name).save(content, { resumable: false });
    const md5 = createHash('md5').update(content).digest('base64');
    return { name, rows: 0, bytes: content.length, md5, ...expected };
  }

  async function read(object: StagedObject, signal = NEVER, from = staging): Promise<string[]> {
    const lines: string[] = [];
    for await (const some of from.readLines(object, signal)) lines.push(...some);
    return lines;
  }

  it('returns every line unchanged, whatever its content and length', async () => {
    // Longer than one unpacked chunk, so that lines and characters span chunks.
    const line = fc
      .string({ unit: 'grapheme', maxLength: 50 })
      .map((text) => text.replaceAll(/[\n\r]/g, '☂'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 9000 }),
        async (some, times) => {
          const lines = some.map((text, i) => `{${i}${text.repeat(i === 0 ? times : 1)}}`);
          const object = await put(gzipSync(`${lines.join('\n')}\n`), { rows: lines.length });
          assert.deepEqual(await read(object), lines);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('I10 holds only a few lines in memory at a time', async () => {
    const lines = Array.from(
      { length: 200_000 },
      (_, i) => `{"incident_id":${i},"text":"${'x'.repeat(100)}"}`,
    );
    const object = await put(gzipSync(`${lines.join('\n')}\n`), { rows: lines.length });
    let [largest, count] = [0, 0];

    for await (const some of staging.readLines(object, NEVER)) {
      largest = Math.max(largest, some.length);
      count += some.length;
    }

    assert.equal(count, lines.length);
    assert.ok(largest < 10_000, `${largest} lines at once`);
  });

  const text = '{"a":1}\n{"a":2}\n{"a":3}\n';
  const whole = gzipSync(text);
  const md5 = createHash('md5').update(whole).digest('base64');
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 10] = (flipped[flipped.length - 10] ?? 0) ^ 0xff;

  const damages: [what: string, content: Buffer, expected: Partial<StagedObject>][] = [
    ['is truncated', whole.subarray(0, -9), { rows: 3, md5 }],
    ['is truncated between two lines', gzipSync('{"a":1}\n'), { rows: 3 }],
    ['is corrupt', flipped, { rows: 3, md5 }],
    ['is not compressed', Buffer.from(text), { rows: 3, md5 }],
    ['is empty', Buffer.alloc(0), { rows: 3, md5 }],
    ['is another one with as many lines', gzipSync(text.replace('1', '9')), { rows: 3, md5 }],
    ['has more lines', gzipSync(`${text}{"a":4}\n`), { rows: 3 }],
  ];
  for (const [what, content, expected] of damages) {
    it(`I8 reports an object that ${what} as lost`, async () => {
      const object = await put(content, expected);

      await assert.rejects(read(object), { kind: 'staging_lost', message: new RegExp(object.name) });
    });
  }

  it('I8 reports an object that is gone as lost', async () => {
    const object = { name: 'xyz_incident/1/gone.ndjson.gz', rows: 1, bytes: 1, md5 };

    await assert.rejects(read(object), { kind: 'staging_lost', message: /is gone/ });
    await assert.rejects(staging.assertWhole(manifestOf(object)), {
      kind: 'staging_lost',
      message: /is gone/,
    });
  });

  it('I8 reports a replaced object as lost before it is read', async () => {
    const object = await put(gzipSync('{"a":7}\n'), { md5 });

    await assert.rejects(staging.assertWhole(manifestOf(object)), {
      kind: 'staging_lost',
      message: /another object has replaced it/,
    });
    await staging.assertWhole(manifestOf(await put(whole)));
  });

  it('I8 reports an error that may pass as transient', async () => {
    const object = await put(whole, { rows: 3 });
    standIn.faults.next('storage.objects.download', failBefore(503));

    await assert.rejects(read(object), { kind: 'transient' });
  });

  it('I8 reports a dropped connection as transient', async () => {
    const object = await put(whole, { rows: 3 });
    standIn.faults.next('storage.objects.download', dropBefore());

    await assert.rejects(read(object), { kind: 'transient' });
  });

  it('I8 reports a connection that breaks within an object as transient', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.subarray(0, 20), () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const broken = new Storage({
      apiEndpoint: `http://127.0.0.1:${port}`,
      authClient: new PassThroughClient(),
      projectId: 'local',
    });
    const object = { name: 'xyz_incident/1/upserts.ndjson.gz', rows: 3, bytes: whole.length, md5 };
    try {
      const reading = read(
        object,
        NEVER,
        createStaging(async () => broken, 'staging', LIMITS),
      );
      await assert.rejects(reading, { kind: 'transient', message: new RegExp(object.name) });
    } finally {
      server.close();
    }
  });

  it('I8 reports a download without an answer as transient, and ends it', async () => {
    const object = await put(whole, { rows: 3 });
    const impatient = createStaging(async () => storage, bucket.name, {
      ...LIMITS,
      callTimeoutSeconds: 0.05,
    });
    const held = hold();
    standIn.faults.next('storage.objects.download', held);

    await assert.rejects(read(object, NEVER, impatient), {
      kind: 'transient',
      message: `staged object ${object.name}: no answer within 0.05 seconds`,
    });
    held.release();
    assert.deepEqual(await read(object), text.trim().split('\n'));
  });

  it('leaves no listeners on the signal and causes no warning, however many objects it reads', async () => {
    // Random text, so that the compressed object is larger than the buffers between the socket and the reader.
    const lines = Array.from({ length: 64 }, () => randomBytes(4096).toString('hex'));
    const object = await put(gzipSync(`${lines.join('\n')}\n`), { rows: lines.length });
    const warnings = new Set<string>();
    const record = ({ message }: Error) => warnings.add(message);
    process.on('warning', record);
    const { signal } = new AbortController();
    try {
      for (let i = 0; i < 30; i += 1) assert.equal((await read(object, signal)).length, lines.length);
      await Promise.all(Array.from({ length: 30 }, () => read(object, signal)));
      // A warning is emitted in the tick after its cause.
      await new Promise(setImmediate);
    } finally {
      process.off('warning', record);
    }
    assert.deepEqual([...warnings], []);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('closes the connection when the reader stops early', async () => {
    const lines = Array.from({ length: 200 }, () => randomBytes(4096).toString('hex'));
    const object = await put(gzipSync(`${lines.join('\n')}\n`), { rows: lines.length });
    const { signal } = new AbortController();

    for await (const some of staging.readLines(object, signal)) {
      assert.ok(some.length < lines.length);
      break;
    }

    await new Promise(setImmediate);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('stops with the reason of its signal', async () => {
    const object = await put(whole, { rows: 3 });
    const stop = new AbortController();
    const reason = new Error('the lease is lost');
    stop.abort(reason);

    await assert.rejects(read(object, stop.signal), reason);
  });

  const manifestOf = (object: StagedObject) => ({
    view: 'xyz_incident',
    etl_transaction_id: '1',
    columns: [],
    format: 'ndjson' as const,
    codec: 'gzip' as const,
    descriptor: null,
    direct_load: false,
    upserts: 1,
    deletes: 0,
    bytes: object.bytes,
    objects: [object],
  });
});
