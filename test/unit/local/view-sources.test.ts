import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseViewSources, readEnabledViewSources, readViewSources } from '../../local/view-sources.ts';

const ENTRY = {
  ...{ name: 'orders', target_name: 'order', main_table: 'shop_order', app_label: 'shop', model: 'order' },
  ...{ key_column: 'order_id', load_type: 'merge' },
};
const fileOf = (...entries: object[]): string => JSON.stringify({ import: entries });

describe('a file of view sources', () => {
  it('is read as the import takes it, also with the byte order mark of an editor', () => {
    const text = fileOf(ENTRY, { ...ENTRY, name: 'old', target_name: 'old', enabled: false });
    const { file, payload, views } = parseViewSources(`\uFEFF${text}`, 'my.json');

    assert.equal(file, 'my.json');
    assert.deepEqual(payload, JSON.parse(text));
    assert.deepEqual(views, [
      { name: 'orders', targetName: 'order', loadType: 'merge', enabled: true },
      { name: 'old', targetName: 'old', loadType: 'merge', enabled: false },
    ]);
  });

  const WRONG: [what: string, text: string, message: RegExp][] = [
    ['is empty', ' \n', /^my\.json is empty\n/],
    [
      'is no JSON',
      '{"import": [}',
      /^my\.json cannot be imported:\n {2}The file is no JSON\. Line 1, column 13/,
    ],
    ['has no list', '{}', /must be an object with a list of view sources/],
    ['has an empty list', fileOf(), /^my\.json cannot be imported:/],
    [
      'has an entry without fields',
      fileOf({ name: 'orders' }),
      /entry 1 \(orders\), target_name: is missing\./,
    ],
    ['has an unknown field', fileOf({ ...ENTRY, colour: 'red' }), /colour/],
    ['has a name twice', fileOf(ENTRY, ENTRY), /orders appears twice/],
    ['enables nothing', fileOf({ ...ENTRY, enabled: false }), /^my\.json enables no view source$/],
  ];
  for (const [what, text, message] of WRONG) {
    it(`is refused with its name and the reason if it ${what}`, () => {
      assert.throws(() => parseViewSources(text, 'my.json'), { name: 'InputFileError', message });
    });
  }

  it('is named if it cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'smart-datahub-views-'));
    try {
      await assert.rejects(readViewSources(join(folder, 'no.json')), /no\.json: there is no such file$/);
      await assert.rejects(readViewSources(folder), /: it is a folder, not a file$/);
      await writeFile(join(folder, 'my.json'), fileOf(ENTRY));
      assert.deepEqual((await readEnabledViewSources(join(folder, 'my.json'))).length, 1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
