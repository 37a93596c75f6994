import assert from 'node:assert/strict';
import {
  changedFields,
  needsResync,
  type SourceFields,
  targetChanges,
} from '../../../shared/model/source-changes.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';

const COMPANY = {
  table: 'app_company',
  app_label: 'app',
  model: 'company',
  content_type_id: 8,
  column: 'company_id',
};
const CHILD = { app_label: 'app', model: 'branch', content_type_id: 9 };

const source = (differing: Record<string, unknown> = {}): SourceFields => ({
  ...viewSourceEntry.parse({
    name: 'v',
    target_name: 'v',
    main_table: 'app_v',
    app_label: 'app',
    model: 'v',
    key_column: 'id',
    load_type: 'merge',
    ...differing,
  }),
  content_type_id: 7,
});

describe('a changed field of a view source that has batches', () => {
  const CASES: [
    what: string,
    before: Record<string, unknown>,
    after: Record<string, unknown>,
    effects: string[],
  ][] = [
    ['nothing', {}, {}, []],
    ['how often rows are fetched again', {}, { recheck_seconds: 60 }, []],
    ['whether it is enabled', {}, { enabled: false }, []],
    ['its budget and its limit', {}, { daily_budget_bytes: 5, max_deleted_share: 1 }, []],
    ['its policies', {}, { view_changes: 'halt', column_changes: 'freeze' }, []],
    ['its foreign keys', {}, { foreign_keys: [{ column: 'c', references: 'w' }] }, []],
    ['a default', {}, { null_defaults: { a: 0 } }, ['resync']],
    ['a default that is gone', { null_defaults: { a: 0 } }, {}, ['resync']],
    ['the order of its defaults', { null_defaults: { a: 0, b: 1 } }, { null_defaults: { b: 1, a: 0 } }, []],
    ['a policy', {}, { unrepresentable: { a: 'null' } }, ['resync']],
    ['a policy that makes a column text', {}, { unrepresentable: { a: 'string' } }, ['new target']],
    ['a policy that made a column text', { unrepresentable: { a: 'string' } }, {}, ['new target']],
    ['a datetime column', {}, { datetime_columns: ['a'] }, ['new target']],
    ['the order of datetime columns', { datetime_columns: ['a', 'b'] }, { datetime_columns: ['b', 'a'] }, []],
    ['a lookup', {}, { lookups: [COMPANY] }, ['resync']],
    ['a lookup that is gone', { lookups: [COMPANY] }, {}, []],
    [
      'what is the default of a lookup',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, sets_null: true, child_models: [] }] },
      [],
    ],
    [
      'the column of a lookup',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, column: 'other_id' }] },
      ['resync'],
    ],
    [
      'what a lookup references',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, references: 'code' }] },
      ['resync'],
    ],
    [
      'a child of a lookup',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, child_models: [CHILD] }] },
      ['resync'],
    ],
    [
      'a lookup that skips log rows',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, skip_untracked: true }] },
      [],
    ],
    [
      'a lookup that skipped log rows',
      { lookups: [{ ...COMPANY, skip_untracked: true }] },
      { lookups: [COMPANY] },
      ['resync'],
    ],
    [
      'a lookup that sets no NULL',
      { lookups: [COMPANY] },
      { lookups: [{ ...COMPANY, sets_null: false }] },
      [],
    ],
    [
      'a lookup that set no NULL',
      { lookups: [{ ...COMPANY, sets_null: false }] },
      { lookups: [COMPANY] },
      ['resync'],
    ],
    ['a child model', {}, { child_models: [CHILD] }, ['resync']],
    ['a child model that is gone', { child_models: [CHILD] }, {}, []],
    ['that it skips log rows', {}, { skip_untracked: true }, []],
    ['that it skipped log rows', { skip_untracked: true }, {}, ['resync']],
    [
      'that it skipped log rows of its lookups',
      { skip_untracked: true, lookups: [COMPANY] },
      { lookups: [COMPANY] },
      ['resync'],
    ],
    ['a tracked column of no importance', {}, { tracked_columns: ['a'] }, []],
    [
      'a tracked column',
      { skip_untracked: true },
      { skip_untracked: true, tracked_columns: ['a'] },
      ['resync'],
    ],
    [
      'a tracked column that is gone',
      { skip_untracked: true, tracked_columns: ['a'] },
      { skip_untracked: true },
      [],
    ],
    [
      'its partitions',
      {},
      { partition_column: 'd', partition_granularity: 'day' },
      ['new target', 'new target'],
    ],
    [
      'their size',
      { partition_column: 'd', partition_granularity: 'day' },
      { partition_column: 'd', partition_granularity: 'year' },
      ['new target'],
    ],
    ['its clustering', {}, { cluster_columns: ['a'] }, ['rewrite']],
    ['the key in its clustering', {}, { cluster_columns: ['id'] }, []],
    [
      'its clustering when it is streamed',
      { load_type: 'bq-storage-api' },
      { load_type: 'bq-storage-api', cluster_columns: ['a'] },
      ['new target'],
    ],
    ['its report column', {}, { report_column: 'd' }, ['objects']],
    [
      'its policy tags',
      {},
      { policy_tags: { a: 'projects/p/locations/eu/taxonomies/1/policyTags/2' } },
      ['objects'],
    ],
    ['its key', {}, { key_column: 'k' }, ['locked']],
  ];
  for (const [what, before, after, effects] of CASES) {
    it(`${what}: ${effects.join(' and ') || 'takes effect at once'}`, () => {
      const changes = changedFields(source(before), source(after));
      assert.deepEqual(changes.map(({ effect }) => effect).sort(), effects);
      assert.equal(
        needsResync(changes),
        effects.some((effect) => effect === 'resync' || effect === 'new target'),
      );
    });
  }

  it('another content type: resync', () => {
    assert.deepEqual(changedFields(source(), { ...source(), content_type_id: 70 }), [
      { field: 'content_type_id', effect: 'resync' },
    ]);
  });
});

describe('the fields of a frozen view that would change its target', () => {
  const omitting = [source(), source({ omitted_columns: ['updated_at', 'note'] })] as const;

  it('are no omitted columns that the target never had', () => {
    assert.deepEqual(targetChanges(...omitting, ['id', 'name']), []);
    assert.deepEqual(targetChanges(...omitting, ['id', 'note']), ['omitted_columns']);
  });

  it('may be any while nobody knows which columns the target has had', () => {
    assert.deepEqual(targetChanges(...omitting, []), ['omitted_columns']);
  });
});
