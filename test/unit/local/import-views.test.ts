import assert from 'node:assert/strict';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { describeImport, refusal } from '../../local/import-views.ts';
import { wordsOf } from '../../local/line.ts';

const entry = (name: string, fields: object = {}) =>
  viewSourceEntry.parse({
    ...{
      name,
      target_name: name,
      main_table: 't',
      app_label: 'a',
      model: 'm',
      key_column: 'id',
      load_type: 'merge',
    },
    ...fields,
  });
const stored = (...entries: ReturnType<typeof entry>[]) => new Map(entries.map((each) => [each.name, each]));

describe('the report on an import', () => {
  it('says what is new, what changed and what is not in the file', () => {
    const before = stored(entry('kept'), entry('changed'), entry('left'));
    const after = stored(
      entry('kept'),
      entry('changed', { cluster_columns: ['x'] }),
      entry('left'),
      entry('new'),
    );
    const views = ['kept', 'changed', 'new'].map((name) => ({
      name,
      targetName: name,
      loadType: 'merge',
      enabled: true,
    }));
    const answer = {
      resyncs: ['changed'],
      warnings: [{ check: 'view new', message: 'may surprise', advice: 'Look.' }],
    };

    assert.deepEqual(describeImport({ file: 'my.json', views }, answer, { before, after }).map(wordsOf), [
      'Imported the view sources of my.json:',
      '  kept: as before',
      '  changed: changed: cluster_columns; will be loaded again',
      '  new: new',
      `  left: not in the file; it goes on. npm run call -- extract '{"view":"left","forget":true}' removes it`,
      'warning: view new: may surprise',
      '  Look.',
    ]);
  });

  it('names --views where the database is not that of the sample', () => {
    const error = { kind: 'configuration', message: 'a; b; c; d; e', advice: 'Correct it.' };
    const sources = { file: 'my.json' };

    const unexpected = refusal({ error }, { sources, isExternal: true, isSmartAppExpected: true }).message;
    assert.match(unexpected, /start with --views my-views\.json/);
    assert.match(unexpected, /a; b; c; and 2 more$/);
    assert.equal(
      refusal({ error }, { sources, isExternal: true, isSmartAppExpected: false }).message,
      'The view sources of my.json could not be imported:\n  a; b; c; d; e\n  Correct it.',
    );
  });

  it('says where the names of the log and the URL of the source come from', () => {
    const advice = 'Correct CONTENT_TYPE_TABLE and deploy again: it must name a table. Then resume the view.';
    const error = { kind: 'configuration', message: 'no table', advice };
    const sources = { file: 'my.json' };
    const { message } = refusal({ error }, { sources, isExternal: false, isSmartAppExpected: false });
    assert.deepEqual(message.split('\n  ').slice(1), [
      'no table',
      'Correct CONTENT_TYPE_TABLE in the environment of npm start: it must name a table. Then import again.',
      'SOURCE_DATABASE_URL is not set, so that the source is SMartApp, the sample application: set it to the URL of the database that has these views.',
    ]);
  });
});
