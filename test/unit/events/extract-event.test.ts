import assert from 'node:assert/strict';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';

const ENTRY = {
  name: 'pmr_project',
  target_name: 'project',
  main_table: 'app_project',
  app_label: 'app',
  model: 'project',
  key_column: 'project_id',
  load_type: 'merge',
};

describe('an extract event', () => {
  for (const [what, payload, event] of [
    ['a tick', {}, { command: 'tick' }],
    ['a tick with its trigger', { trigger: 'scheduler' }, { command: 'tick', trigger: 'scheduler' }],
    ['one view', { view: 'pmr_project' }, { command: 'extract', view: 'pmr_project' }],
    [
      'one view with its trigger',
      { view: 'pmr_project', trigger: 'continue' },
      { command: 'extract', view: 'pmr_project', trigger: 'continue' },
    ],
    [
      'keys, as numbers or texts',
      { view: 'pmr_project', keys: [7, '9007199254740993'] },
      { command: 'keys', view: 'pmr_project', keys: ['7', '9007199254740993'] },
    ],
    ['a resume', { view: 'pmr_project', resume: true }, { command: 'resume', view: 'pmr_project' }],
    [
      'a resync',
      { view: 'x', resync: true },
      { command: 'resync', view: 'x', isWanted: true, acceptsDeletes: false },
    ],
    [
      'a resync with its deletes',
      { view: 'x', resync: true, acceptDeletes: true },
      { command: 'resync', view: 'x', isWanted: true, acceptsDeletes: true },
    ],
    ['a preflight', { check: true }, { command: 'check', view: undefined }],
    ['a preflight of one view', { check: true, view: 'x' }, { command: 'check', view: 'x' }],
    ['a dry run', { dryRun: true }, { command: 'dryRun', view: undefined }],
    ['a dry run of one view', { dryRun: true, view: 'x' }, { command: 'dryRun', view: 'x' }],
  ] as const) {
    it(`requests ${what}`, () => {
      assert.deepEqual(parseExtractEvent(payload), event);
    });
  }

  it('imports a configuration, with defaults for omitted fields', () => {
    const event = parseExtractEvent({ import: [ENTRY] });

    assert.ok(event.command === 'import');
    assert.partialDeepStrictEqual(event.entries[0], {
      ...ENTRY,
      tracked_columns: [],
      lookups: [],
      report_column: 'update_at',
      recheck_seconds: 0,
      enabled: true,
    });
  });

  for (const [what, payload, message] of [
    ['an unknown field', { view: 'x', keyz: ['1'] }, /keyz/],
    ['a wrong type of view', { view: 7 }, /view: .*string/],
    ['a NUL character', { view: 'a\0b' }, /view: contains a NUL character/],
    ['an unpaired surrogate in a key', { view: 'x', keys: ['a\ud800'] }, /keys\.0: /],
    ['a NUL character in a key', { view: 'x', keys: ['a\0b'] }, /keys\.0: /],
    ['an empty view', { view: '' }, /view: /],
    ['keys that are not a list', { view: 'x', keys: '1' }, /keys: .*array/],
    ['no key at all', { view: 'x', keys: [] }, /keys: /],
    ['a key that is not an integer', { view: 'x', keys: ['1', 1.5] }, /keys\.1: /],
    ['keys without a view', { keys: ['1'] }, /view: .*undefined/],
    ['a resume that is false', { view: 'x', resume: false }, /resume: .*true/],
    [
      'accepted deletes of a withdrawn resync',
      { view: 'x', resync: false, acceptDeletes: true },
      /acceptDeletes: needs "resync": true/,
    ],
    ['a share above 1', { import: [{ ...ENTRY, max_deleted_share: 50 }] }, /max_deleted_share: /],
    ['a check that is not true', { check: 'yes' }, /check: .*true/],
    ['a fault in an entry', { import: [{ ...ENTRY, load_type: 'csv' }] }, /import\.0\.load_type: /],
    [
      'a name that BigQuery cannot have',
      { import: [{ ...ENTRY, target_name: 'a`b' }] },
      /import\.0\.target_name: .*letters/,
    ],
    ['an unknown field in an entry', { import: [{ ...ENTRY, key: 'x' }] }, /import\.0: .*"key"/],
    [
      'a repeated view',
      { import: [ENTRY, ENTRY] },
      /name pmr_project appears twice; .*target_name project appears twice/,
    ],
    ['an empty import', { import: [] }, /import: /],
    ['a list', [1], /object/],
    ['a text', 'pmr_project', /object/],
    ['null', null, /object/],
  ] as const) {
    it(`is refused with ${what}, which the message names`, () => {
      assert.throws(() => parseExtractEvent(payload), {
        kind: 'invalid_event',
        message,
        advice: /^Send \{/,
      });
    });
  }

  it('is refused with a message that lists the given fields', () => {
    assert.throws(() => parseExtractEvent({ view: 'x', etlTransactionId: '1' }), {
      message: /\(fields given: view, etlTransactionId\)/,
    });
  });
});
