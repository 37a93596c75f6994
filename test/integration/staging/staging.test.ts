import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type Bucket, IdempotencyStrategy, Storage } from '@google-cloud/storage';
import fc from 'fast-check';
import { PassThroughClient } from 'google-auth-library';
import type { RowBlock } from '../../../shared/model/column-writer.ts';
import { avroFormat } from '../../../shared/staging/format/avro-format.ts';
import { jsonFormat } from '../../../shared/staging/format/json-format.ts';
import { createStaging, type Manifest, type Staging } from '../../../shared/staging/staging.ts';
import { failAfterEffect, failBefore, hold } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const BUCKET = 'staging';
const FORMAT = jsonFormat([], { columns: [], write: () => undefined });
const AVRO = avroFormat([], { columns: [], write: () => undefined });
const NEVER = new AbortController().signal;

describe('staging', () => {
  let standIn: StorageStandIn;
  let storage: Storage;
  let bucket: Bucket;
  let batches = 0;

  before(async () => {
    standIn = await startStorage();
    storage = new Storage({
      apiEndpoint: standIn.url,
      projectId: 'local',
      authClient: new PassThroughClient(),
      retryOptions: {
        idempotencyStrategy: IdempotencyStrategy.RetryConditional,
        retryDelayMultiplier: 1,
        maxRetryDelay: 1,
      },
    });
    [bucket] = await storage.createBucket(BUCKET, { location: 'EU' });
  });
  after(() => standIn.close());
  beforeEach(() => standIn.faults.clear());

  /** Returns a staging with this part size, and a prefix that no other test uses. */
  const open = (maxPartBytes = 1024 * 1024): { staging: Staging; prefix: string } => {
    batches += 1;
    return {
      staging: createStaging(async () => storage, BUCKET, { maxPartBytes, callTimeoutSeconds: 60 }),
      prefix: `pmr_project/${batches}/`,
    };
  };
  const impatient = () =>
    createStaging(async () => storage, BUCKET, { maxPartBytes: 1e6, callTimeoutSeconds: 0.2 });
  const namesBelow = async (prefix: string) => (await bucket.getFiles({ prefix }))[0].map(({ name }) => name);
  const contentOf = async (name: string) => {
    // The stored bytes, without decompression.
    const [stored] = await bucket.file(name).download({ decompress: false });
    return stored;
  };

  it('writes lines as gzip parts that decompress to the same bytes', async () => {
    const { staging, prefix } = open();
    const text = '{"id":1,"name":"Zürich ☂"}\n{"id":2}\n';

    const writer = await staging.openBatch(prefix, FORMAT);
    const staged = await writer.write('upserts', blocks([Buffer.from(text)]), NEVER);

    const [object] = staged;
    assert.ok(object);
    assert.deepEqual([staged.length, object.name, object.rows], [1, `${prefix}upserts-00000.ndjson.gz`, 2]);
    const stored = await contentOf(object.name);
    assert.equal(gunzipSync(stored).toString('utf8'), text);
    assert.equal(object.bytes, stored.length);
    assert.equal(object.md5, createHash('md5').update(stored).digest('base64'));
    assert.equal(staging.uri(object), `gs://${BUCKET}/${object.name}`);
  });

  it('splits parts between blocks only', async () => {
    const block = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(block, { maxLength: 20 }),
        fc.integer({ min: 1, max: 200 }),
        async (written, maxPartBytes) => {
          const { staging, prefix } = open(maxPartBytes);
          const bytes = written.map((texts) =>
            Buffer.from(texts.map((text) => `${text.replaceAll('\n', ' ')}\n`).join('')),
          );

          const writer = await staging.openBatch(prefix, FORMAT);
          const staged = await writer.write('upserts', blocks(bytes), NEVER);

          const parts = await Promise.all(staged.map(async ({ name }) => gunzipSync(await contentOf(name))));
          assert.deepEqual(Buffer.concat(parts), Buffer.concat(bytes));
          assert.deepEqual(
            staged.map(({ rows }) => rows),
            parts.map((part) => part.toString('utf8').split('\n').length - 1),
          );
          // A part ends with the block that brings it to the limit.
          const ends = bytes.map((_, i) => Buffer.concat(bytes.slice(0, i + 1)).length);
          let end = 0;
          for (const [i, part] of parts.entries()) {
            end += part.length;
            const place = ends.indexOf(end);
            assert.ok(place >= 0);
            assert.ok(i === parts.length - 1 || part.length >= maxPartBytes);
            assert.ok(part.length - (bytes[place]?.length ?? 0) < maxPartBytes);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('splits a large set of lines into numbered parts', async () => {
    const { staging, prefix } = open(1024);
    const lines = Array.from({ length: 200 }, (_, i) => Buffer.from(`{"id":${i}}\n`));

    const staged = await (await staging.openBatch(prefix, FORMAT)).write('upserts', blocks(lines), NEVER);

    assert.equal(staged.length, 3);
    assert.deepEqual(await namesBelow(prefix), [
      `${prefix}upserts-00000.ndjson.gz`,
      `${prefix}upserts-00001.ndjson.gz`,
      `${prefix}upserts-00002.ndjson.gz`,
    ]);
    assert.equal(
      staged.reduce((sum, { rows }) => sum + rows, 0),
      200,
    );
  });

  it('gives parts that are written concurrently different numbers', async () => {
    const { staging, prefix } = open(64);
    const writer = await staging.openBatch(prefix, FORMAT);
    const slice = (from: number) =>
      blocks(Array.from({ length: 20 }, (_, i) => Buffer.from(`{"id":${from + i}}\n`)));

    const staged = await Promise.all(
      [0, 100, 200].map((from) => writer.write('upserts', slice(from), NEVER)),
    );

    const names = staged.flat().map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual((await namesBelow(prefix)).toSorted(), names.toSorted());
    const ids = await Promise.all(
      names.map(async (name) =>
        gunzipSync(await contentOf(name))
          .toString()
          .trim()
          .split('\n'),
      ),
    );
    assert.equal(new Set(ids.flat()).size, 60);
  });

  it('creates no object without lines', async () => {
    const { staging, prefix } = open();

    assert.deepEqual(await (await staging.openBatch(prefix, FORMAT)).write('deletes', blocks([]), NEVER), []);
    assert.deepEqual(await namesBelow(prefix), []);
  });

  it('I7 never overwrites an object, which another batch with the same id has staged', async () => {
    const { staging, prefix } = open();
    const name = `${prefix}upserts-00000.ndjson.gz`;
    await bucket.file(name).save('of the other process');

    const writing = (await staging.openBatch(prefix, FORMAT)).write('upserts', oneLine(), NEVER);

    await assert.rejects(writing, {
      kind: 'batch_id_collision',
      message: new RegExp(`staged object ${name}`),
    });
    assert.equal((await bucket.file(name).download())[0].toString(), 'of the other process');
  });

  it('leaves no object behind when it is aborted, and throws the reason', async () => {
    const { staging, prefix } = open();
    const abort = new AbortController();
    const reason = new Error('the lease was lost');
    async function* endless() {
      for (let i = 0; ; i += 1) {
        yield Buffer.from(`{"id":${i}}\n`);
        if (i === 1000) abort.abort(reason);
      }
    }

    await assert.rejects(
      (await staging.openBatch(prefix, FORMAT)).write('upserts', blocks(endless()), abort.signal),
      reason,
    );

    assert.deepEqual(await namesBelow(prefix), []);
  });

  it('leaves no object behind when reading the lines fails', async () => {
    const { staging, prefix } = open();
    async function* breaking() {
      yield Buffer.from('{"id":1}\n');
      throw Object.assign(new Error('the source went away'), { code: 'ECONNRESET' });
    }

    await assert.rejects(
      (await staging.openBatch(prefix, FORMAT)).write('upserts', blocks(breaking()), NEVER),
      {
        message: /the source went away/,
      },
    );

    assert.deepEqual(await namesBelow(prefix), []);
  });

  it('reports an object that could not be written as transient, with its name', async () => {
    const { staging, prefix } = open();
    standIn.faults.next('storage.objects.insert', failBefore(503));

    await assert.rejects((await staging.openBatch(prefix, FORMAT)).write('upserts', oneLine(), NEVER), {
      kind: 'transient',
      message: new RegExp(`staged object ${prefix}upserts-00000`),
    });
  });

  describe('the limit of a wait for Cloud Storage', () => {
    for (const format of [FORMAT, AVRO]) {
      it(`I8 gives up an upload that gets no answer: ${format.name}`, async () => {
        const held = hold();
        standIn.faults.next('storage.objects.insert', held);
        const writer = await impatient().openBatch(`stalled/${format.name}/`, format);

        await assert.rejects(writer.write('upserts', oneLine(), NEVER), {
          kind: 'transient',
          message: `staged object stalled/${format.name}/upserts-00000.${format.extension}: no answer within 0.2 seconds`,
        });
        held.release();
      });

      it(`is not reached by a source that takes longer: ${format.name}`, async () => {
        async function* slow() {
          for (let i = 0; i < 5; i += 1) {
            if (i > 2) await setTimeout(500);
            yield Buffer.from(`{"id":${i}}\n`);
          }
        }
        const writer = await impatient().openBatch(`slow/${format.name}/`, format);

        const [object] = await writer.write('upserts', blocks(slow()), NEVER);

        assert.equal(object?.rows, 5);
      });

      it(`does not keep it from stopping at once when it is aborted while the source is silent: ${format.name}`, async () => {
        const abort = new AbortController();
        const reason = new Error('the lease was lost');
        async function* silent() {
          for (let i = 0; i < 4; i += 1) yield Buffer.from(`{"id":${i}}\n`);
          abort.abort(reason);
          await new Promise(() => undefined);
        }
        const { staging, prefix } = open();
        const writer = await staging.openBatch(prefix, format);

        await assert.rejects(writer.write('upserts', blocks(silent()), abort.signal), reason);
        assert.deepEqual(await namesBelow(prefix), []);
      });
    }
  });

  it('I8 gives up a manifest that gets no answer, and names it', async () => {
    const held = hold();
    standIn.faults.next('storage.objects.insert', held);
    const writer = await impatient().openBatch('stalled/manifest/', FORMAT);

    await assert.rejects(
      writer.writeManifest({
        ...{ view: 'pmr_project', etl_transaction_id: '1', columns: [], format: 'ndjson', codec: 'gzip' },
        ...{ descriptor: null, direct_load: false, upserts: 0, deletes: 0, bytes: 0, objects: [] },
      }),
      {
        kind: 'transient',
        message: 'staged object stalled/manifest/manifest.json: no answer within 0.2 seconds',
      },
    );
    held.release();
  });

  describe('a manifest', () => {
    const manifestOf = (prefix: string): Manifest => ({
      view: 'pmr_project',
      etl_transaction_id: '9007199254740993',
      columns: [{ name: 'project_id', type: 'INT64', mode: 'REQUIRED' }],
      format: 'ndjson',
      codec: 'gzip',
      descriptor: null,
      direct_load: false,
      upserts: 2,
      deletes: 1,
      bytes: 77,
      objects: [
        { name: `${prefix}upserts-00000.ndjson.gz`, rows: 2, bytes: 40, md5: 'abc' },
        { name: `${prefix}deletes-00000.ndjson.gz`, rows: 1, bytes: 37, md5: 'def' },
      ],
    });

    it('is read back unchanged', async () => {
      const { staging, prefix } = open();

      await (await staging.openBatch(prefix, FORMAT)).writeManifest(manifestOf(prefix));

      assert.deepEqual(await staging.readManifest(prefix), manifestOf(prefix));
    });

    it('is null when the batch has none', async () => {
      const { staging, prefix } = open();

      assert.equal(await staging.readManifest(prefix), null);
    });

    it('I5 is written once when the answer to the first attempt is lost', async () => {
      const { staging, prefix } = open();
      standIn.faults.next('storage.objects.insert', failAfterEffect(503));
      // What reads it has the properties in another order.
      const { format, ...others } = manifestOf(prefix);

      await (await staging.openBatch(prefix, FORMAT)).writeManifest({ ...others, format });

      assert.deepEqual(await staging.readManifest(prefix), manifestOf(prefix));
      assert.ok(standIn.faults.calls.filter((call) => call === 'storage.objects.insert').length >= 2);
    });

    it('I5 is not overwritten by a different one', async () => {
      const { staging, prefix } = open();
      await (await staging.openBatch(prefix, FORMAT)).writeManifest(manifestOf(prefix));

      const second = (await staging.openBatch(prefix, FORMAT)).writeManifest({
        ...manifestOf(prefix),
        upserts: 3,
      });

      await assert.rejects(second, {
        kind: 'batch_id_collision',
        message: /manifest\.json belongs to another batch/,
      });
      assert.deepEqual(await staging.readManifest(prefix), manifestOf(prefix));
    });

    for (const [what, text] of [
      ['truncated', '{"view":"pmr_pro'],
      ['without its objects', '{"view":"pmr_project"}'],
    ] as const) {
      it(`that is ${what} counts as lost, with its name in the error`, async () => {
        const { staging, prefix } = open();
        await bucket.file(`${prefix}manifest.json`).save(text);

        await assert.rejects(staging.readManifest(prefix), {
          kind: 'staging_lost',
          message: new RegExp(`${prefix}manifest.json is corrupt`),
        });
      });
    }

    for (const [release, name] of Object.entries({ '0.1.0': 'loads_as_is', '0.2.0': 'is_direct_load' })) {
      it(`of release ${release} is read under its present names, and with the format that it had`, async () => {
        const { staging, prefix } = open();
        const {
          direct_load: isDirect,
          format: _,
          codec: _codec,
          descriptor: _none,
          ...rest
        } = manifestOf(prefix);
        await bucket.file(`${prefix}manifest.json`).save(JSON.stringify({ ...rest, [name]: isDirect }));

        assert.deepEqual(await staging.readManifest(prefix), manifestOf(prefix));
      });
    }

    for (const named of [{ format: 'parquet' }, { codec: 'brotli' }]) {
      it(`of a later release waits for that release: ${JSON.stringify(named)}`, async () => {
        const { staging, prefix } = open();
        await bucket
          .file(`${prefix}manifest.json`)
          .save(JSON.stringify({ ...manifestOf(prefix), ...named, added: 'later' }));

        await assert.rejects(staging.readManifest(prefix), {
          kind: 'transient',
          message: /has a format that this release does not know/,
        });
      });
    }

    it('whose bytes stop coming is given up in time, and its connection is closed', async () => {
      const closed = Promise.withResolvers<void>();
      const server = createServer((_request, response) => {
        response.on('close', closed.resolve);
        response.writeHead(200).write('{"view":');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const stalled = new Storage({
        apiEndpoint: `http://127.0.0.1:${port}/`,
        authClient: new PassThroughClient(),
        projectId: 'local',
      });
      const limits = { maxPartBytes: 1024, callTimeoutSeconds: 0.2 };
      try {
        const reading = createStaging(async () => stalled, BUCKET, limits).readManifest('pmr_project/1/');
        await assert.rejects(reading, {
          kind: 'transient',
          message: 'staged object pmr_project/1/manifest.json: no answer within 0.2 seconds',
        });
        await closed.promise;
      } finally {
        server.close();
      }
    });

    it('lists the objects that are gone', async () => {
      const { staging, prefix } = open();
      const manifest = manifestOf(prefix);
      for (const { name } of manifest.objects) await bucket.file(name).save('x');
      assert.deepEqual(await staging.missing(manifest), []);

      await bucket.file(`${prefix}deletes-00000.ndjson.gz`).delete();

      assert.deepEqual(await staging.missing(manifest), [`${prefix}deletes-00000.ndjson.gz`]);
    });
  });

  it('returns the location of the bucket, and reports a missing bucket as a configuration error', async () => {
    assert.equal(await open().staging.location(), 'EU');

    await assert.rejects(
      createStaging(async () => storage, 'nowhere', {
        maxPartBytes: 1024,
        callTimeoutSeconds: 60,
      }).location(),
      {
        kind: 'configuration',
        message: /staging bucket nowhere/,
      },
    );
  });

  it('distinguishes a missing permission from a missing manifest', async () => {
    const { staging, prefix } = open();
    standIn.faults.next('storage.objects.download', failBefore(403));

    await assert.rejects(staging.readManifest(prefix), { kind: 'unauthorized' });
  });
});

const oneLine = () => blocks([Buffer.from('{"id":1}\n')]);

async function* blocks(texts: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<RowBlock> {
  for await (const bytes of texts) {
    const rows = bytes.toString().split('\n').length - 1;
    yield { rows, bytes, counts: { added: rows, changed: 0, deleted: 0 } };
  }
}
