import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { type Bucket, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import type { Column } from '../../../shared/model/columns.ts';
import { avroFormat } from '../../../shared/staging/format/avro-format.ts';
import { createStaging, type Manifest, type Staging } from '../../../shared/staging/staging.ts';
import { hold } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

const NAME = 'pmr_project/1/upserts-00000.avro';
const COLUMNS: Column[] = [
  { name: 'project_id', type: 'INT64', mode: 'REQUIRED' },
  { name: 'finished_at', type: 'TIMESTAMP', mode: 'NULLABLE' },
];
const KEYS = [-7n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];

/** An Avro file with a block for each key, in its parts. */
async function parts(): Promise<Buffer[]> {
  const format = avroFormat(COLUMNS, { columns: [], write: () => undefined });
  const rows = format.openRows(1024, 0);
  async function* blocks() {
    for (const key of KEYS) {
      rows.beginRow();
      rows.columns[0]?.bigint(key);
      rows.columns[1]?.null();
      rows.endRow('loaded');
      const block = rows.takeBlock();
      if (block !== null) yield block;
    }
  }
  return await Readable.from(format.pack(blocks())).toArray();
}

describe('the keys of staged Avro files', () => {
  let standIn: StorageStandIn;
  let bucket: Bucket;
  let staging: Staging;
  let impatient: Staging;

  before(async () => {
    standIn = await startStorage();
    const authClient = new PassThroughClient();
    const storage = new Storage({ apiEndpoint: standIn.url, projectId: 'local', authClient });
    [bucket] = await storage.createBucket('staging', { location: 'EU' });
    const open = (callTimeoutSeconds: number) =>
      createStaging(async () => storage, bucket.name, { maxPartBytes: 1024, callTimeoutSeconds });
    staging = open(60);
    impatient = open(0.05);
  });
  after(() => standIn.close());

  async function keysOf(content: Buffer, reader = staging): Promise<string[]> {
    await bucket.file(NAME).save(content, { resumable: false });
    const object = { name: NAME, rows: KEYS.length, bytes: content.length, md5: '' };
    const { signal } = new AbortController();
    const groups = reader.readKeys(
      { format: 'avro', descriptor: null } as unknown as Manifest,
      object,
      'project_id',
      signal,
    );
    return (await Readable.from(groups).toArray()).flat();
  }

  it('are read as the digits of numbers', async () => {
    assert.deepEqual(await keysOf(Buffer.concat(await parts())), KEYS.map(String));
  });

  it('I8 are given up where Cloud Storage does not answer, and the error names the file', async () => {
    const held = hold();
    standIn.faults.next('storage.objects.download', held);

    await assert.rejects(keysOf(Buffer.concat(await parts()), impatient), {
      kind: 'transient',
      message: `staged object ${NAME}: no answer within 0.05 seconds`,
    });
    held.release();
  });

  for (const [what, damage] of [
    ['is truncated within a block', (file) => Buffer.concat(file).subarray(0, -5)],
    ['is truncated between two blocks', (file) => Buffer.concat(file.slice(0, 3))],
    ['has a corrupt block', (file) => Buffer.concat(file.map((part, i) => (i === 2 ? flipped(part) : part)))],
    ['is something else', () => Buffer.from('something else that is no Avro file')],
    ['is empty', () => Buffer.alloc(0)],
  ] as [string, (file: Buffer[]) => Buffer][]) {
    it(`I8 count as lost where the file ${what}`, async () => {
      await assert.rejects(keysOf(damage(await parts())), {
        kind: 'staging_lost',
        message: new RegExp(NAME),
      });
    });
  }
});

const flipped = (part: Buffer): Buffer => Buffer.from(part.map((byte) => byte ^ 0x5a));
