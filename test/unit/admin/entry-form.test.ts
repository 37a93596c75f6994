import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { entryField, GROUPS } from '../../../functions/admin/sources/entry-fields.ts';
import { formValues, readEntry } from '../../../functions/admin/sources/entry-form-values.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { viewSourceImport } from '../../../shared/model/view-source-import.ts';

const SMARTAPP = new URL('../../../sql/source/view-sources.json', import.meta.url);

const EVERYTHING = viewSourceEntry.parse({
  name: 'everything',
  target_name: 'all_of_it',
  main_table: 'app."Table"',
  app_label: 'app',
  model: 'thing',
  child_models: [{ app_label: 'app', model: 'child' }],
  key_column: 'thing_id',
  tracked_columns: ['a, b', 'c'],
  skip_untracked: true,
  foreign_keys: [{ column: 'a', references: 'other' }],
  datetime_columns: ['opened'],
  null_defaults: { a: 'none', b: 0, c: false },
  unrepresentable: { a: 'string' },
  null_arrays: { a: 'stop' },
  omitted_columns: [],
  load_type: 'bq-storage-api',
  policy_tags: { a: 'projects/p/locations/l/taxonomies/1/policyTags/2' },
  partition_column: 'opened',
  partition_granularity: 'month',
  cluster_columns: ['a', 'b'],
  report_column: 'opened',
  recheck_seconds: 60,
  max_deleted_share: 0.25,
  lookups: [
    {
      table: 'app_other',
      app_label: 'app',
      model: 'other',
      column: 'other_id',
      child_models: [{ app_label: 'app', model: 'child' }],
      references: 'code',
      skip_untracked: false,
      sets_null: false,
    },
  ],
  view_changes: 'halt',
  column_changes: 'freeze',
  ignored_dependencies: ['app_ignored'],
  daily_budget_bytes: 10 ** 12,
  auto_repair: true,
  max_repaired_share: 0,
  max_check_bytes: 1,
  enabled: false,
});

describe('the form of a view source', () => {
  it('has every field of the configuration in one group, with the text of the schema', () => {
    const fields = GROUPS.flatMap(([, names]) => names);
    const wanted = Object.keys(viewSourceEntry.shape).filter((name) => name !== 'content_type_id');
    assert.deepEqual(fields.toSorted(), wanted.toSorted());
    for (const name of fields) {
      const { description, kind, choices } = entryField(name);
      assert.equal(description, viewSourceEntry.shape[name].description);
      assert.equal(kind === 'choice', choices.length > 1, name);
    }
  });

  it('reads what it shows, for an entry with every field and for SMartApp’s five', async () => {
    const file = JSON.parse(await readFile(SMARTAPP, 'utf8')) as { import: unknown };
    const entries = [EVERYTHING, ...viewSourceImport.parse(file.import)];
    for (const entry of entries) assert.deepEqual(readEntry(formValues(entry)), { entry });
  });

  it('names every mistake by its field', () => {
    const values = formValues(EVERYTHING);
    const { problems } = readEntry({
      ...values,
      name: '1; drop table x',
      model: '',
      recheck_seconds: 'soon',
      max_deleted_share: '2',
      lookups: '[{]',
      null_defaults: '{"a": null}',
      view_changes: 'shrug',
      app_label: 'a\0b',
    });
    const all = (problems ?? []).join('\n');
    for (const words of [
      /^Name: may contain only letters/m,
      /^Model: is missing\.$/m,
      /^Recheck seconds: must be a number, not a text\.$/m,
      /^Max deleted share: too big/m,
      /^Lookups is no JSON\. Line 1, column 3/m,
      /^Null defaults, a: /m,
      /^View changes: invalid option/m,
      /^App label: contains a NUL character/m,
    ]) {
      assert.match(all, words);
    }
  });
});
