import assert from 'node:assert/strict';
import pg from 'pg';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { SITE_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { BY_CALL } from './by-call.ts';
import { createThings, thing } from './things.ts';

describe('an import refuses', () => {
  const { on } = useInstallation({ per: 'file' });
  before(() => createThings(on));

  const importing = (differing: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [thing(differing)] }, on.dependencies);

  const by = (partition_column: string, partition_granularity: 'hour' | 'day' | 'month' | 'year') => ({
    partition_column,
    partition_granularity,
  });
  const MISTAKES: Record<string, [Partial<ViewSourceEntry>, RegExp]> = {
    'another main table': [
      { main_table: 'app_site', model: 'site' },
      /view thing_view does not depend on main table app_site/,
    ],
    'another model': [
      { app_label: 'auth', model: 'user' },
      /model auth\.user is the model of table auth_user/,
    ],
    'a key of another column': [
      { key_column: 'code' },
      /key code shows column code of app_thing, but log rows name its primary key id/,
    ],
    'a partition by a float': [
      by('amount', 'day'),
      /partition column amount is FLOAT64, but BigQuery partitions only by DATE, DATETIME, TIMESTAMP/,
    ],
    'a partition by text': [by('name', 'day'), /partition column name is STRING/],
    'a partition by a number': [by('code', 'day'), /partition column code is INT64/],
    'a partition by an array': [by('tags', 'day'), /partition column tags is ARRAY<STRING>/],
    'a partition of a date by hour': [
      by('day', 'hour'),
      /partition column day is DATE, which BigQuery does not partition by hour, only by day, month, year/,
    ],
    'clusters of a float': [
      { cluster_columns: ['amount'] },
      /cluster column amount is FLOAT64, but BigQuery clusters only by BIGNUMERIC, BOOL, DATE/,
    ],
    'clusters of bytes': [{ cluster_columns: ['bytes'] }, /cluster column bytes is BYTES/],
    'clusters of a time': [{ cluster_columns: ['clock'] }, /cluster column clock is TIME,/],
    'clusters of JSON': [{ cluster_columns: ['settings'] }, /cluster column settings is JSON/],
    'clusters of an array': [{ cluster_columns: ['tags'] }, /cluster column tags is ARRAY<STRING>/],
    'a cluster column twice': [
      { cluster_columns: ['name', 'code', 'name'] },
      /cluster column name is named twice/,
    ],
    'a report column without a date': [
      { report_column: 'name' },
      /report column name is STRING, which has no date: name a column of type DATE, DATETIME, TIMESTAMP/,
    ],
    'a report column of times': [{ report_column: 'clock' }, /report column clock is TIME,/],
    'a default that is no number': [
      { null_defaults: { code: 'none' } },
      /null_defaults value of code, "none", is not a 64-bit integer \(INT64\)/,
    ],
    'a default that is no whole number': [
      { null_defaults: { code: 0.5 } },
      /null_defaults value of code, 0\.5, is not a 64-bit integer/,
    ],
    'a default that is no truth value': [
      { null_defaults: { flag: 'yes' } },
      /value of flag, "yes", is neither true nor false/,
    ],
    'a default that is no date': [
      { null_defaults: { day: '2024-02-30' } },
      /value of day, "2024-02-30", is not a date/,
    ],
    'a default that is no timestamp': [
      { null_defaults: { moment: 'now' } },
      /value of moment, "now", is not a timestamp/,
    ],
    'a default that is no decimal': [
      { null_defaults: { price: true } },
      /value of price, true, is not a number that NUMERIC can hold/,
    ],
    'a default that is no base64': [{ null_defaults: { bytes: '?' } }, /value of bytes, "\?", is not base64/],
    'a default of an array': [{ null_defaults: { tags: 'a' } }, /value of tags, "a", is not a list/],
    'a policy on the key': [
      { unrepresentable: { thing_id: 'null' } },
      /key thing_id cannot have an unrepresentable policy/,
    ],
    'a default of the key': [{ null_defaults: { thing_id: 0 } }, /key thing_id cannot have a default/],
    'a foreign key that references nothing': [
      { foreign_keys: [{ column: 'code', references: 'pmr_projects' }] },
      /foreign key code references pmr_projects, which is no view source/,
    ],
  };
  for (const [mistake, [differing, message]] of Object.entries(MISTAKES)) {
    it(`${mistake}, in one clear sentence, and stores nothing`, async () => {
      await assert.rejects(importing(differing), (error: Error & { kind: string; advice: string }) => {
        assert.equal(error.kind, 'configuration', error.message);
        assert.match(error.message, message);
        assert.equal(error.message.split('; ').length, 1, error.message);
        assert.match(error.advice, /^Nothing was stored\. Correct/);
        return true;
      });
      assert.deepEqual(
        (await on.control.query(`select from etl.view_source where name = 'thing_view'`)).rows,
        [],
      );
    });
  }

  it('a key that is not unique, and advises what is possible with a view source that is not stored', async () => {
    await on.source.database.query(`
      create view twice_view as select id as thing_id from app_thing union all select id from app_thing;
      grant select on twice_view to reader; insert into app_thing (id) values (77)`);
    const entry = thing({ name: 'twice_view', target_name: 'twice' });
    const command = parseExtractEvent({ import: [entry], dryRun: true });
    assert.ok(command.command === 'dryRunImport');

    const { findings } = await runOperation(command, on.dependencies, BY_CALL);

    const [found] = findings.filter(({ check }) => check === 'view twice_view');
    assert.equal(
      found?.advice,
      'Change the view so that it has exactly one row for each key. Then import again.',
    );
    await on.source.database.query('delete from app_thing where id = 77; drop view twice_view');
    for (const { advice } of findings) assert.doesNotMatch(advice ?? '', /resume|stays halted/);
  });

  it('names in capitals, and says which name exists', async () => {
    for (const [differing, message] of [
      [{ name: 'THING_VIEW' }, /view THING_VIEW does not exist in the source, but thing_view does/],
      [{ main_table: 'App_Thing' }, /main table App_Thing does not exist in the source, but app_thing does/],
      [{ model: 'Thing' }, /content type app\.Thing does not exist, but app\.thing does/],
      [
        { lookups: [{ table: 'App_Site', app_label: 'app', model: 'site', column: 'code' }] },
        /lookup table App_Site does not exist in the source, but app_site does/,
      ],
    ] as const) {
      await assert.rejects(importing(differing as Partial<ViewSourceEntry>), {
        kind: 'configuration',
        message,
      });
    }
  });

  it('more than four cluster columns', () => {
    assert.throws(
      () => parseExtractEvent({ import: [{ ...thing(), cluster_columns: ['a', 'b', 'c', 'd', 'e'] }] }),
      /cluster_columns: /,
    );
  });

  it('a partition that would have more than 4,000 parts', async () => {
    await on.source.database.query(`insert into app_thing (id, day, moment)
      select n, date '2000-01-01' + n, timestamptz '2024-01-01' + n * interval '1 hour' from generate_series(1, 4001) n`);
    await assert.rejects(
      importing(by('day', 'day')),
      /partition column day: by day, the rows of the view fill 4001 partitions, but BigQuery writes at most 4000 at once: choose a larger granularity/,
    );
    await assert.rejects(importing(by('moment', 'hour')), /fill 4001 partitions/);
    await importing(by('day', 'month'));
    // Few partitions that are far apart are counted.
    await on.source.database.query(
      `delete from app_thing; insert into app_thing (id, day) values (1, '1900-01-01'), (2, '2100-01-01'), (3, null)`,
    );
    await importing(by('day', 'day'));
    await on.source.database.query(`update app_thing set day = 'infinity' where id = 2`);
    await importing({ ...by('day', 'day'), unrepresentable: { day: 'null' } });
    await on.control.query(`delete from etl.view_source where name = 'thing_view'`);
    await on.source.database.query('delete from app_thing');
  });

  it('all mistakes of all view sources together', async () => {
    const entries = [
      thing({ cluster_columns: ['amount'], report_column: 'name' }),
      { ...SITE_ENTRY, key_column: 'project_id' },
    ];
    await assert.rejects(
      importConfiguration({ entries }, on.dependencies),
      /cluster column amount .*report column name .*view source pmr_site: key project_id shows/,
    );
  });

  it('column names that JavaScript or protobuf cannot have', async () => {
    const odd = thing({ name: 'named_view', target_name: 'named' });
    for (const [name, loadTypes] of [
      ['__proto__', ['merge', 'bq-storage-api']],
      ['valueOf', ['bq-storage-api']],
      ['constructor', ['bq-storage-api']],
      ['two words', ['bq-storage-api']],
      ['ชื่อ', ['bq-storage-api']],
    ] as const) {
      await on.source.database.query(
        `drop view if exists named_view; create view named_view as select id as thing_id, name as ${pg.escapeIdentifier(name)} from app_thing;
         grant select on named_view to reader`,
      );
      for (const load_type of loadTypes) {
        await assert.rejects(
          importConfiguration({ entries: [{ ...odd, load_type }] }, on.dependencies),
          (error: Error) => error.message.includes(name) && error.message.includes('rename it in the view'),
          `${name} ${load_type}`,
        );
      }
    }
    for (const field of ['null_defaults', 'unrepresentable']) {
      const entry = { ...thing(), [field]: JSON.parse('{"__proto__":"null"}') };
      assert.throws(() => parseExtractEvent({ import: [entry] }), /"__proto__" cannot be a name/);
    }
  });

  it('a statement of a batch that PostgreSQL refuses', async () => {
    await on.source.database.query(`
      create view odd_view as select id as thing_id, moment from app_thing;
      create function refuse() returns text immutable language plpgsql as $$ begin return current_setting('no.such'); end $$;
      create or replace view odd_view as select id as thing_id, moment, refuse() as refused from app_thing;
      grant select on odd_view to reader`);
    await assert.rejects(
      importConfiguration({ entries: [thing({ name: 'odd_view', target_name: 'odd' })] }, on.dependencies),
      { kind: 'configuration', message: /view odd_view: the statement that copies .* fails: .*no\.such/ },
    );
  });
});
