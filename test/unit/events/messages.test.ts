import assert from 'node:assert/strict';
import { parseBatchEvent, parseExtractEvent } from '../../../shared/events/messages.ts';

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
    ['a preflight', { check: true }, { command: 'check', view: undefined }],
    ['a preflight of one view', { check: true, view: 'x' }, { command: 'check', view: 'x' }],
    ['a dry run', { dryRun: true }, { command: 'dryRun', view: undefined }],
    ['a dry run of one view', { dryRun: true, view: 'x' }, { command: 'dryRun', view: 'x' }],
  ] as const) {
    it(`asks for ${what}`, () => {
      assert.deepEqual(parseExtractEvent(payload), event);
    });
  }

  it('imports a configuration, filling in what an entry leaves out', () => {
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
    ['a NUL character', { view: 'a\0b' }, /view: holds a NUL character/],
    ['a NUL character in a key', { view: 'x', keys: ['a\0b'] }, /keys\.0: /],
    ['an empty view', { view: '' }, /view: /],
    ['keys that are no list', { view: 'x', keys: '1' }, /keys: .*array/],
    ['no key at all', { view: 'x', keys: [] }, /keys: /],
    ['a key that is no whole number', { view: 'x', keys: ['1', 1.5] }, /keys\.1: /],
    ['keys without a view', { keys: ['1'] }, /view: .*undefined/],
    ['a resume that says no', { view: 'x', resume: false }, /resume: .*true/],
    ['a check that says no', { check: 'yes' }, /check: .*true/],
    ['a fault in an entry', { import: [{ ...ENTRY, load_type: 'csv' }] }, /import\.0\.load_type: /],
    [
      'a name that BigQuery cannot have',
      { import: [{ ...ENTRY, target_name: 'a`b' }] },
      /import\.0\.target_name: .*letters/,
    ],
    ['an unknown field in an entry', { import: [{ ...ENTRY, key: 'x' }] }, /import\.0: .*"key"/],
    [
      'a view that stands twice',
      { import: [ENTRY, ENTRY] },
      /name pmr_project stands twice; .*target_name project stands twice/,
    ],
    ['an empty import', { import: [] }, /import: /],
    ['a list', [1], /object/],
    ['a text', 'pmr_project', /object/],
    ['null', null, /object/],
  ] as const) {
    it(`is refused with ${what}, and the message names it`, () => {
      assert.throws(() => parseExtractEvent(payload), {
        kind: 'invalid_event',
        message,
        advice: /It takes \{\}, \{"view": …\}/,
      });
    });
  }

  it('is refused with the names of the fields that were given', () => {
    assert.throws(() => parseExtractEvent({ view: 'x', etlTransactionId: '1' }), {
      message: /\(fields given: view, etlTransactionId\)/,
    });
  });
});

describe('a batch event', () => {
  it('names a view and a number beyond what a JSON number holds', () => {
    assert.deepEqual(parseBatchEvent({ view: 'pmr_project', etlTransactionId: '9007199254740993' }), {
      view: 'pmr_project',
      etlTransactionId: 9007199254740993n,
    });
  });

  for (const [what, payload, message] of [
    ['no number', { view: 'x' }, /etlTransactionId: /],
    [
      'a number that is none',
      { view: 'x', etlTransactionId: '-1' },
      /etlTransactionId: is not an ETL transaction id/,
    ],
    ['a number as a JSON number', { view: 'x', etlTransactionId: 7 }, /etlTransactionId: .*string/],
    ['rows', { view: 'x', etlTransactionId: '7', rows: [] }, /rows/],
    ['nothing', {}, /view: .*etlTransactionId: /],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseBatchEvent(payload), {
        kind: 'invalid_event',
        message,
        advice: /"etlTransactionId"/,
      });
    });
  }
});
