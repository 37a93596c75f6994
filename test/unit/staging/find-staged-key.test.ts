import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { findStagedKey } from '../../../shared/staging/find-staged-key.ts';
import { readKeys } from '../../../shared/staging/read-keys.ts';
import type { Manifest, StagedObject } from '../../../shared/staging/staging.ts';

const never = () => assert.fail('the objects have lines');

const PREFIX = 'pmr_project/7/';

/** The staged objects of a batch, by name, with their lines. */
function stagingOf(objects: Record<string, string[]> | null) {
  const read: string[] = [];
  const names = Object.keys(objects ?? {});
  return {
    read,
    readManifest: async () =>
      objects === null
        ? null
        : ({
            format: 'ndjson',
            objects: names.map((name) => ({ name: `${PREFIX}${name}` })),
          } as unknown as Manifest),
    readKeys({ format, descriptor }: Manifest, { name }: StagedObject, column: string) {
      async function* lines() {
        read.push(name.slice(PREFIX.length));
        const found = objects?.[name.slice(PREFIX.length)] ?? [];
        if (found.includes('lost')) throw new DataHubError('staging_lost', 'it is gone');
        if (found.includes('refused')) throw new DataHubError('unauthorized', 'may not read');
        for (const line of found) yield [line];
      }
      return readKeys({ format, descriptor }, column, { lines, bytes: never, messages: never });
    },
  };
}

const find = (objects: Record<string, string[]> | null, key: string, column = 'id') =>
  findStagedKey(stagingOf(objects), PREFIX, { column, key }, new AbortController().signal);

describe('the search for a key in the staged objects of a batch', () => {
  for (const [what, line, key] of [
    ['a number', '{"id":17,"name":"x"}', '17'],
    ['a number beyond 2^53', '{"id":9007199254740993}', '9007199254740993'],
    ['a negative number', '{"id":-4}', '-4'],
    ['a decimal as it is written', '{"id":1.50}', '1.50'],
    ['a text', '{"id":"AB-1"}', 'AB-1'],
    ['a text with characters that JSON escapes', '{"id":"a \\"b\\" \\u0007/é"}', 'a "b" \u0007/é'],
  ] as const) {
    it(`finds ${what}`, async () => {
      assert.equal(await find({ 'upserts-00000.ndjson.gz': ['{"id":0}', line] }, key), 'upsert');
    });
  }

  for (const [what, line, key] of [
    ['a part of a number', '{"id":117}', '17'],
    ['a neighbour beyond 2^53', '{"id":9007199254740992}', '9007199254740993'],
    ['the value of another column', '{"id":1,"other":17}', '17'],
    ['a value within a column', '{"id":1,"data":{"id":17}}', '17'],
  ] as const) {
    it(`does not take ${what} for the key`, async () => {
      assert.equal(await find({ 'upserts-00000.ndjson.gz': [line] }, key), 'nothing');
    });
  }

  it('tells rows from deletes, and stops at the first', async () => {
    const staging = stagingOf({
      'upserts-00000.ndjson.gz': ['{"id":1}'],
      'deletes-00000.ndjson.gz': ['{"id":2,"action":"deleted"}'],
    });
    const { signal } = new AbortController();

    assert.equal(await findStagedKey(staging, PREFIX, { column: 'id', key: '1' }, signal), 'upsert');
    assert.deepEqual(staging.read, ['upserts-00000.ndjson.gz']);
    assert.equal(await findStagedKey(staging, PREFIX, { column: 'id', key: '2' }, signal), 'delete');
  });

  it('says that objects are gone, and passes on every other failure', async () => {
    assert.equal(await find(null, '1'), 'gone');
    assert.equal(await find({ 'upserts-00000.ndjson.gz': ['lost'] }, '1'), 'gone');
    await assert.rejects(find({ 'upserts-00000.ndjson.gz': ['refused'] }, '1'), { kind: 'unauthorized' });
  });
});
