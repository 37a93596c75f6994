import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Bucket, IdempotencyStrategy, Storage } from '@google-cloud/storage';
import fc from 'fast-check';
import { createStaging, type StagedObject, type Staging } from '../../../shared/staging/staging.ts';
import { failBefore } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const NEVER = new AbortController().signal;

describe('reading staged lines', () => {
  let standIn: StorageStandIn;
  let bucket: Bucket;
  let staging: Staging;
  let objects = 0;

  before(async () => {
    standIn = await startStorage();
    const storage = new Storage({
      apiEndpoint: standIn.url,
      projectId: 'local',
      useAuthWithCustomEndpoint: false,
      retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryConditional, maxRetries: 0 },
    });
    [bucket] = await storage.createBucket('staging', { location: 'EU' });
    staging = createStaging(async () => storage, bucket.name, { maxPartBytes: 1024, callTimeoutSeconds: 60 });
  });
  after(() => standIn.close());
  beforeEach(() => standIn.faults.clear());

  /** Stores the content, and describes it as the manifest does: `expected` is what was staged. */
  async function put(content: Buffer, expected: Partial<StagedObject> = {}): Promise<StagedObject> {
    objects += 1;
    const name = `xyz_incident/1/upserts-${objects}.ndjson.gz`;
    await bucket.file(name).save(content, { resumable: false });
    const md5 = createHash('md5').update(content).digest('base64');
    return { name, rows: 0, bytes: content.length, md5, ...expected };
  }

  async function read(object: StagedObject, signal = NEVER): Promise<string[]> {
    const lines: string[] = [];
    for await (const some of staging.readLines(object, signal)) lines.push(...some);
    return lines;
  }

  it('gives every line as it was, whatever it holds and however long it is', async () => {
    // Longer than what is unpacked at once, so that lines and characters are cut.
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

  it('keeps a memory of one piece while it reads', async () => {
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
    ['is cut short', whole.subarray(0, -9), { rows: 3, md5 }],
    ['is cut short between two lines', gzipSync('{"a":1}\n'), { rows: 3 }],
    ['is damaged', flipped, { rows: 3, md5 }],
    ['is not packed', Buffer.from(text), { rows: 3, md5 }],
    ['is empty', Buffer.alloc(0), { rows: 3, md5 }],
    ['has as many lines, and is another one', gzipSync(text.replace('1', '9')), { rows: 3, md5 }],
    ['has more lines', gzipSync(`${text}{"a":4}\n`), { rows: 3 }],
  ];
  for (const [what, content, expected] of damages) {
    it(`I8 tells that an object is lost which ${what}`, async () => {
      const object = await put(content, expected);

      await assert.rejects(read(object), { kind: 'staging_lost', message: new RegExp(object.name) });
    });
  }

  it('I8 tells that an object is lost which is gone', async () => {
    const object = { name: 'xyz_incident/1/gone.ndjson.gz', rows: 1, bytes: 1, md5 };

    await assert.rejects(read(object), { kind: 'staging_lost', message: /is gone/ });
    await assert.rejects(staging.assertWhole(manifestOf(object)), {
      kind: 'staging_lost',
      message: /is gone/,
    });
  });

  it('I8 tells before it is read that an object is another one', async () => {
    const object = await put(gzipSync('{"a":7}\n'), { md5 });

    await assert.rejects(staging.assertWhole(manifestOf(object)), {
      kind: 'staging_lost',
      message: /is not the object that was staged/,
    });
    await staging.assertWhole(manifestOf(await put(whole)));
  });

  it('I8 takes what may pass for nothing else', async () => {
    const object = await put(whole, { rows: 3 });
    standIn.faults.next('storage.objects.download', failBefore(503));

    await assert.rejects(read(object), { kind: 'transient' });
  });

  it('stops with the reason when it is to stop', async () => {
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
    is_direct_load: false,
    upserts: 1,
    deletes: 0,
    bytes: object.bytes,
    objects: [object],
  });
});
