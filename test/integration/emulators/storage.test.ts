import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Bucket, CRC32C, Storage } from '@google-cloud/storage';
import { dropBefore, failAfterEffect, failBefore, hold } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const MEBIBYTE = 1024 * 1024;

describe('the Cloud Storage stand-in', () => {
  let standIn: StorageStandIn;
  let bucket: Bucket;
  let dataFolder: string;

  before(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'storage-test-'));
    standIn = await startStorage({ dataFolder });
    const [created] = await clientOf(standIn).createBucket('staging', { location: 'europe-west1' });
    bucket = created;
  });
  after(async () => {
    await standIn.close();
    await rm(dataFolder, { recursive: true });
  });
  beforeEach(() => standIn.faults.clear());

  describe('buckets', () => {
    it('keep their location, US unless another is asked for', async () => {
      const client = clientOf(standIn);
      await client.createBucket('plain-one');

      const [metadata] = await bucket.getMetadata();
      const [plain] = await client.bucket('plain-one').getMetadata();

      assert.deepEqual([metadata.location, plain.location], ['EUROPE-WEST1', 'US']);
      const [buckets] = await client.getBuckets();
      assert.deepEqual(
        buckets.map(({ name }) => name),
        ['plain-one', 'staging'],
      );
      await client.bucket('plain-one').delete();
      assert.deepEqual(await client.bucket('plain-one').exists(), [false]);
    });

    it('are refused twice, under a bad name, and while they hold objects', async () => {
      const client = clientOf(standIn);
      await bucket.file('in-the-way').save('x');

      await assert.rejects(client.createBucket('staging'), { code: 409 });
      await assert.rejects(client.createBucket('Not_Allowed!'), { code: 400 });
      await assert.rejects(bucket.delete(), { code: 409 });
      await assert.rejects(client.bucket('nowhere').file('x').save('x', { resumable: false }), { code: 404 });
    });

    it('keep what is set on them later', async () => {
      await bucket.setLabels({ team: 'data' });

      assert.deepEqual(await bucket.getLabels(), [{ team: 'data' }]);
    });
  });

  describe('uploads', () => {
    for (const resumable of [false, true]) {
      const kind = resumable ? 'resumable' : 'multipart';

      it(`save a small ${kind} one, with its properties`, async () => {
        const file = bucket.file(`small/${kind} ü.json`);

        await file.save('{"a":1}', {
          resumable,
          contentType: 'application/json',
          metadata: { cacheControl: 'no-store', metadata: { view: 'pmr_project' } },
        });

        assert.equal((await file.download())[0].toString(), '{"a":1}');
        const [metadata] = await file.getMetadata();
        assert.partialDeepStrictEqual(metadata, {
          name: `small/${kind} ü.json`,
          bucket: 'staging',
          size: '7',
          contentType: 'application/json',
          cacheControl: 'no-store',
          metadata: { view: 'pmr_project' },
          metageneration: '1',
        });
      });

      it(`save an empty ${kind} one`, async () => {
        const file = bucket.file(`empty/${kind}`);
        await file.save('', { resumable });

        assert.equal((await file.getMetadata())[0].size, '0');
        assert.equal((await file.download())[0].length, 0);
      });

      for (const validation of ['crc32c', 'md5'] as const) {
        it(`stream 20 MiB ${kind}, checked both ways by ${validation}`, async () => {
          const content = randomBytes(20 * MEBIBYTE);
          const file = bucket.file(`large/${kind}-${validation}`);

          await pipeline(Readable.from(slices(content)), file.createWriteStream({ resumable, validation }));
          const hash = createHash('sha256');
          await pipeline(file.createReadStream({ validation }), hash);

          assert.equal(hash.digest('hex'), createHash('sha256').update(content).digest('hex'));
          const [metadata] = await file.getMetadata();
          const crc32c = new CRC32C();
          crc32c.update(content);
          assert.equal(metadata.crc32c, crc32c.toString());
          assert.equal(metadata.md5Hash, createHash('md5').update(content).digest('base64'));
        });
      }
    }

    it('put the chunks of a resumable one together', async () => {
      const content = randomBytes(MEBIBYTE + 5);
      const file = bucket.file('chunked');

      await file.save(content, { resumable: true, chunkSize: MEBIBYTE / 4 });

      assert.deepEqual((await file.download())[0], content);
      assert.equal(
        standIn.faults.calls.filter((call) => call === 'storage.objects.resumable.chunk').length,
        5,
      );
    });

    it('take the plain media kind', async () => {
      const response = await fetch(
        `${standIn.url}/upload/storage/v1/b/staging/o?uploadType=media&name=media.txt`,
        {
          method: 'POST',
          headers: { 'content-type': 'text/plain' },
          body: 'plain',
        },
      );

      assert.partialDeepStrictEqual(await response.json(), { contentType: 'text/plain', size: '5' });
      assert.equal((await bucket.file('media.txt').download())[0].toString(), 'plain');
    });

    it('take content that looks like a boundary', async () => {
      const content = `\r\n--${'boundary'.repeat(20_000)}--\r\n--\r\n`;
      await bucket.file('tricky').save(content, { resumable: false });

      assert.equal((await bucket.file('tricky').download())[0].toString(), content);
    });

    it('create an object once only with ifGenerationMatch 0', async () => {
      const file = bucket.file('once');
      for (const resumable of [false, true]) {
        await file.delete({ ignoreNotFound: true });
        const save = (content: string) =>
          file.save(content, { resumable, preconditionOpts: { ifGenerationMatch: 0 } });

        await save('first');
        await assert.rejects(save('second'), { code: 412 });

        assert.equal((await file.download())[0].toString(), 'first');
      }
    });

    it('let only one of several simultaneous creators win', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, writer) =>
          bucket
            .file('race')
            .save(`${writer}`, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
        ),
      );

      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('give a higher generation to every replacement', async () => {
      const file = bucket.file('replaced');
      const generations: bigint[] = [];
      for (const content of ['a', 'b', 'c']) {
        await file.save(content, { resumable: false });
        generations.push(BigInt((await file.getMetadata())[0].generation ?? 0));
      }

      assert.deepEqual(
        generations,
        generations.toSorted((a, b) => (a < b ? -1 : 1)),
      );
      assert.equal(new Set(generations).size, 3);
      assert.equal((await file.download())[0].toString(), 'c');
    });

    it('refuse content that is not what its checksum says', async () => {
      for (const resumable of [false, true]) {
        for (const metadata of [{ md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==' }, { crc32c: 'AAAAAA==' }]) {
          const file = bucket.file('mismatched');
          await assert.rejects(file.save('content', { resumable, metadata }), { code: 400 });
          assert.deepEqual(await file.exists(), [false]);
        }
      }
    });

    it('leave nothing behind when the connection breaks on the way', async () => {
      for (const query of ['uploadType=media&name=torn', 'uploadType=multipart&name=torn']) {
        const upload = httpRequest(`${standIn.url}/upload/storage/v1/b/staging/o?${query}`, {
          method: 'POST',
          headers: { 'content-length': MEBIBYTE, 'content-type': 'multipart/related; boundary=b' },
        });
        const broken = new Promise((resolve) => upload.once('error', resolve));
        upload.write('--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n\r\nbeginning');
        await waitFor(async () => (await pendingUploads(dataFolder)) === 1);
        upload.destroy();
        await broken;
        await waitFor(async () => (await pendingUploads(dataFolder)) === 0);

        assert.deepEqual(await bucket.file('torn').exists(), [false]);
      }
    });

    it('leave nothing behind when a multipart body ends too early', async () => {
      const response = await fetch(
        `${standIn.url}/upload/storage/v1/b/staging/o?uploadType=multipart&name=cut`,
        {
          method: 'POST',
          headers: { 'content-type': 'multipart/related; boundary=b' },
          body: '--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n\r\nno end',
        },
      );

      assert.equal(response.status, 400);
      assert.deepEqual(await bucket.file('cut').exists(), [false]);
    });
  });

  describe('resumable sessions', () => {
    const session = async (name: string) => (await bucket.file(name).createResumableUpload())[0];
    const put = (uri: string, range: string, body?: string) =>
      fetch(uri, { method: 'PUT', headers: { 'content-range': range }, ...(body && { body }) });

    it('say what they have, take overlapping chunks, and end with the object', async () => {
      const uri = await session('resumed');

      assert.equal((await put(uri, 'bytes */*')).headers.get('range'), null);
      const first = await put(uri, 'bytes 0-4/*', 'hello');
      assert.deepEqual([first.status, first.headers.get('range')], [308, 'bytes=0-4']);
      assert.deepEqual(await bucket.file('resumed').exists(), [false]);
      assert.equal((await put(uri, 'bytes */*')).headers.get('range'), 'bytes=0-4');
      assert.equal((await put(uri, 'bytes 9-9/*', 'x')).status, 400);
      const last = await put(uri, 'bytes 3-10/11', 'lo world');
      assert.equal(last.status, 200);

      assert.equal((await bucket.file('resumed').download())[0].toString(), 'hello world');
      const again = await put(uri, 'bytes */*');
      assert.partialDeepStrictEqual(await again.json(), { size: '11' });
    });

    it('go on after a broken connection from the last byte that arrived', async () => {
      const uri = await session('continued');
      const broken = httpRequest(uri, {
        method: 'PUT',
        headers: { 'content-range': 'bytes 0-9/10', 'content-length': 10 },
      });
      const failed = new Promise((resolve) => broken.once('error', resolve));
      broken.write('01234');
      const received = async () => (await put(uri, 'bytes */10')).headers.get('range');
      broken.flushHeaders();
      await waitFor(async () => (await received()) === 'bytes=0-4');
      broken.destroy();
      await failed;

      assert.equal((await put(uri, 'bytes 5-9/10', '56789')).status, 200);
      assert.equal((await bucket.file('continued').download())[0].toString(), '0123456789');
    });

    it('are gone when they are cancelled', async () => {
      const uri = await session('cancelled');
      await put(uri, 'bytes 0-4/*', 'hello');

      assert.equal((await fetch(uri, { method: 'DELETE' })).status, 499);

      assert.equal((await put(uri, 'bytes */*')).status, 404);
      assert.equal(await pendingUploads(dataFolder), 0);
    });

    it('refuse an object that somebody else created meanwhile', async () => {
      const file = bucket.file('contested');
      const [uri] = await file.createResumableUpload({ preconditionOpts: { ifGenerationMatch: 0 } });
      await file.save('theirs', { resumable: false });

      assert.equal((await put(uri, 'bytes 0-3/4', 'mine')).status, 412);
      assert.equal((await file.download())[0].toString(), 'theirs');
    });
  });

  describe('downloads', () => {
    it('give the bytes of a range', async () => {
      const file = bucket.file('ranges');
      await file.save('0123456789', { resumable: false });
      const read = async (options: { start?: number; end?: number }) =>
        (await file.createReadStream(options).toArray()).join('');

      assert.equal(await read({ start: 2, end: 4 }), '234');
      assert.equal(await read({ start: 7 }), '789');
      assert.equal(await read({ end: -3 }), '789');
      assert.equal(await read({ start: 8, end: 100 }), '89');
      await assert.rejects(read({ start: 10 }), { code: 416 });
    });

    it('answer under the public address as well', async () => {
      await bucket.file('folder/by address').save('here', { resumable: false });

      for (const path of ['folder/by%20address', 'folder%2Fby%20address']) {
        const response = await fetch(`${standIn.url}/staging/${path}`);
        assert.equal(await response.text(), 'here');
        assert.match(response.headers.get('x-goog-hash') ?? '', /^crc32c=.{8},md5=.{24}$/);
      }
    });

    it('serve gzip as it is stored to those who accept it, and unpacked to the others', async () => {
      const file = bucket.file('packed');
      await file.save('unpacked', { resumable: false, gzip: true });
      const url = `${standIn.url}/storage/v1/b/staging/o/packed?alt=media`;

      assert.equal((await file.download())[0].toString(), 'unpacked');
      const [stored] = await file.download({ decompress: false });
      assert.equal(gunzipSync(stored).toString(), 'unpacked');
      const response = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
      assert.equal(response.headers.get('content-encoding'), null);
      assert.equal(await response.text(), 'unpacked');
    });

    it('do not touch gzip that is content, not encoding', async () => {
      const content = gzipSync('rows');
      const file = bucket.file('rows.ndjson.gz');
      await file.save(content, { resumable: false, contentType: 'application/gzip' });

      assert.deepEqual((await file.download())[0], content);
    });

    it('go on to their end when the object is deleted meanwhile', async () => {
      const content = randomBytes(8 * MEBIBYTE);
      const file = bucket.file('vanishing');
      await file.save(content, { resumable: false });

      const stream = file.createReadStream({ validation: false });
      const reader = stream[Symbol.asyncIterator]();
      const parts = [(await reader.next()).value];
      await file.delete();
      for await (const part of reader) parts.push(part);

      assert.deepEqual(Buffer.concat(parts), content);
    });

    it('say what is missing in the shape of Google errors', async () => {
      await assert.rejects(bucket.file('missing').download(), { code: 404 });
      await assert.rejects(
        bucket.file('missing').getMetadata(),
        (error: { errors?: { reason: string }[] }) => {
          assert.equal(error.errors?.[0]?.reason, 'notFound');
          return true;
        },
      );
    });
  });

  describe('lists', () => {
    let listed: Bucket;

    before(async () => {
      [listed] = await clientOf(standIn).createBucket('listed');
      const names = ['a', 'view/1/deletes', 'view/1/upserts', 'view/2/upserts', 'view2/x', 'z'];
      await Promise.all(names.map((name) => listed.file(name).save(name, { resumable: false })));
    });

    const names = (files: { name: string }[]) => files.map(({ name }) => name);

    it('are ordered and filtered by prefix and offsets', async () => {
      assert.deepEqual(names((await listed.getFiles({ prefix: 'view/1/' }))[0]), [
        'view/1/deletes',
        'view/1/upserts',
      ]);
      const [between] = await listed.getFiles({ startOffset: 'view/1/upserts', endOffset: 'view2/x' });
      assert.deepEqual(names(between), ['view/1/upserts', 'view/2/upserts']);
      assert.deepEqual((await listed.getFiles({ prefix: 'none' }))[0], []);
    });

    it('fold names at the delimiter', async () => {
      const [files, , answer] = await listed.getFiles({ delimiter: '/', autoPaginate: false });

      assert.deepEqual(names(files), ['a', 'z']);
      assert.partialDeepStrictEqual(answer, { prefixes: ['view/', 'view2/'] });
    });

    it('come in pages, prefixes counted, and nothing twice', async () => {
      const [all] = await listed.getFiles({ maxResults: 2 });
      assert.equal(all.length, 2);
      const entries: string[] = [];
      let query: object | null = { delimiter: '/', maxResults: 1, autoPaginate: false };
      while (query) {
        const [files, next, answer]: [{ name: string }[], object | null, { prefixes?: string[] }] =
          (await listed.getFiles(query)) as never;
        entries.push(...names(files), ...(answer.prefixes ?? []));
        query = next;
      }

      assert.deepEqual(entries, ['a', 'view/', 'view2/', 'z']);
    });
  });

  describe('changes', () => {
    it('delete under a precondition', async () => {
      const file = bucket.file('deleted');
      await file.save('x', { resumable: false });
      const [{ generation }] = await file.getMetadata();

      await assert.rejects(file.delete({ ifGenerationMatch: 1 }), { code: 412 });
      await file.delete({ ifGenerationMatch: Number(generation) });

      await assert.rejects(file.delete(), { code: 404 });
    });

    it('patch metadata and count the metageneration', async () => {
      const file = bucket.file('patched');
      await file.save('x', { resumable: false, metadata: { metadata: { a: '1', b: '2' } } });

      await file.setMetadata({ contentType: 'text/csv', metadata: { a: null, c: '3' } });

      const [metadata] = await file.getMetadata();
      assert.partialDeepStrictEqual(metadata, { contentType: 'text/csv', metageneration: '2' });
      assert.deepEqual(metadata.metadata, { b: '2', c: '3' });
    });

    it('copy, move and combine', async () => {
      await bucket.file('part-1').save('one ', { resumable: false, contentType: 'text/plain' });
      await bucket.file('part-2').save('two', { resumable: false });

      await bucket.file('part-1').copy(bucket.file('copied'));
      await bucket.file('copied').move('moved');
      await bucket.combine(['moved', 'part-2'], 'combined');

      assert.equal((await bucket.file('moved').getMetadata())[0].contentType, 'text/plain');
      assert.deepEqual(await bucket.file('copied').exists(), [false]);
      assert.equal((await bucket.file('combined').download())[0].toString(), 'one two');
      const [metadata] = await bucket.file('combined').getMetadata();
      assert.deepEqual([metadata.componentCount, metadata.md5Hash], [2, undefined]);
    });
  });

  describe('a restart', () => {
    it('keeps buckets, objects and the order of generations', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'storage-restart-'));
      const first = await startStorage({ dataFolder: folder });
      const [kept] = await clientOf(first).createBucket('kept', { location: 'EU' });
      await kept.file('object').save('old', { resumable: false });
      await kept.file('object').save('content', { resumable: false, metadata: { metadata: { a: 'b' } } });
      const [before] = await kept.file('object').getMetadata();
      await first.close();

      const second = await startStorage({ dataFolder: folder });
      const again = clientOf(second).bucket('kept').file('object');
      assert.equal((await again.download())[0].toString(), 'content');
      const [metadata] = await again.getMetadata();
      assert.deepEqual(metadata.metadata, { a: 'b' });
      assert.equal(metadata.generation, before.generation);
      assert.equal((await clientOf(second).bucket('kept').getMetadata())[0].location, 'EU');
      await second.close();
      await rm(folder, { recursive: true });
    });

    it('makes a bucket that a killed run had only begun', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'storage-restart-'));
      await mkdir(join(folder, 'begun'));
      const restarted = await startStorage({ dataFolder: folder });
      assert.deepEqual(await clientOf(restarted).bucket('begun').exists(), [false]);
      await clientOf(restarted).createBucket('begun');
      assert.deepEqual(await clientOf(restarted).bucket('begun').exists(), [true]);
      await restarted.close();
      await rm(folder, { recursive: true });
    });
  });

  it('says that its port is taken', async () => {
    await assert.rejects(startStorage({ port: Number(new URL(standIn.url).port) }), { code: 'EADDRINUSE' });
  });

  describe('scripted faults', () => {
    it('fail a call before it has an effect', async () => {
      const file = bucket.file('never');
      standIn.faults.next('storage.objects.insert', failBefore(403));

      await assert.rejects(file.save('x', { resumable: false }), { code: 403 });

      assert.deepEqual(await file.exists(), [false]);
    });

    it('lose the answer of an upload that succeeded', async () => {
      const file = bucket.file('unanswered');
      standIn.faults.next('storage.objects.insert', failAfterEffect(403));

      await assert.rejects(file.save('x', { resumable: false }), { code: 403 });

      assert.deepEqual(await file.exists(), [true]);
    });

    it('are retried by the client where it may', async () => {
      // A client of its own: a refused upload without precondition switches off the retries of the whole client.
      const file = clientOf(standIn).bucket('staging').file('retried');
      standIn.faults.next('storage.objects.resumable.start', failBefore(503));
      standIn.faults.next('storage.objects.get', failBefore(503), dropBefore());

      await file.save('x', { resumable: true, preconditionOpts: { ifGenerationMatch: 0 } });
      await file.getMetadata();

      assert.deepEqual(standIn.faults.unused, []);
    });

    it('replace the bytes of a download', async () => {
      const file = bucket.file('unreadable');
      await file.save(randomBytes(MEBIBYTE), { resumable: false });
      standIn.faults.next('storage.objects.download', failAfterEffect(403));

      await assert.rejects(file.download(), { code: 403 });
      assert.equal((await file.download())[0].length, MEBIBYTE);
    });

    it('hold an upload until it is released', async () => {
      const file = bucket.file('held');
      const held = hold();
      standIn.faults.next('storage.objects.insert', held);

      const saving = file.save('x', { resumable: false });
      await held.reached;
      assert.deepEqual(await file.exists(), [false]);
      held.release();
      await saving;

      assert.deepEqual(await file.exists(), [true]);
    });
  });
});

/** A client that gives up after a few quick retries. */
function clientOf(standIn: StorageStandIn): Storage {
  return new Storage({
    projectId: 'local',
    apiEndpoint: standIn.url,
    retryOptions: { maxRetries: 2, retryDelayMultiplier: 1, maxRetryDelay: 1, totalTimeout: 10 },
  });
}

function* slices(content: Buffer): Generator<Buffer> {
  for (let start = 0; start < content.length; start += 65_536) yield content.subarray(start, start + 65_536);
}

async function pendingUploads(dataFolder: string): Promise<number> {
  return (await readdir(join(dataFolder, '.uploads'))).length;
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}
