import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { parseExtractEvent } from '../../../shared/events/messages.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import { type Installation, PROJECT_ENTRY, SITE_ENTRY } from '../../support/installation.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

const THING_TYPE = 50;
const BY_CALL = { via: 'call', by: null, why: null, requestId: 'test' } as const;

/** One column of each kind of type. */
const COLUMNS = {
  amount: 'double precision',
  bytes: 'bytea',
  clock: 'time',
  code: 'integer',
  day: 'date',
  flag: 'boolean',
  moment: 'timestamptz',
  name: 'text',
  price: 'numeric(10, 2)',
  settings: 'jsonb',
  tags: 'text[]',
  written: 'timestamp',
};

const thing = (differing: Partial<ViewSourceEntry> = {}): ViewSourceEntry =>
  viewSourceEntry.parse({
    name: 'thing_view',
    target_name: 'thing',
    main_table: 'app_thing',
    app_label: 'app',
    model: 'thing',
    key_column: 'thing_id',
    load_type: 'merge',
    ...differing,
  });

async function createThings(on: Installation): Promise<void> {
  const declared = Object.entries(COLUMNS).map(([name, type]) => `${name} ${type}`);
  await on.source.database.query(`
    insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing'), (51, 'auth', 'user');
    create table auth_user (id bigint primary key);
    create table app_thing (id bigint primary key, ${declared.join(', ')});
    create view thing_view as select id as thing_id, ${Object.keys(COLUMNS).join(', ')} from app_thing;
    grant select on app_thing, thing_view to reader`);
}

describe('an import', () => {
  describe('refuses', () => {
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
      'a default that is no base64': [
        { null_defaults: { bytes: '?' } },
        /value of bytes, "\?", is not base64/,
      ],
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
        [
          { main_table: 'App_Thing' },
          /main table App_Thing does not exist in the source, but app_thing does/,
        ],
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

  describe('accepts', () => {
    const { on } = useInstallation({ per: 'file' });
    before(() => createThings(on));

    for (const [what, differing] of Object.entries<Partial<ViewSourceEntry>>({
      'every type that BigQuery partitions and clusters by': {
        partition_column: 'written',
        partition_granularity: 'hour',
        cluster_columns: ['thing_id', 'name', 'flag', 'price'],
        report_column: 'day',
      },
      'defaults of the column’s type': {
        null_defaults: {
          code: 0,
          flag: false,
          day: '1970-01-01',
          moment: '1970-01-01',
          price: '0.5',
          amount: 1e-7,
          name: 'none',
          settings: 'none',
          clock: '00:00:00',
          bytes: 'AA==',
        },
      },
      'a reference to itself or to another view source': {
        foreign_keys: [
          { column: 'code', references: 'thing_view' },
          { column: 'code', references: 'pmr_site' },
        ],
      },
    })) {
      it(`${what}, and so does BigQuery`, async () => {
        await on.source.database.query('delete from app_thing; insert into app_thing (id) values (1)');
        await on.control.query(
          `delete from etl.checkpoint where view_name = 'thing_view'; delete from etl.etl_transaction where view_name = 'thing_view'; delete from etl.view_source where name = 'thing_view'`,
        );
        const target = `thing_${what.length}`;
        assert.deepEqual(
          await importConfiguration(
            { entries: [thing({ ...differing, target_name: target })] },
            on.dependencies,
          ),
          { outcome: 'imported', views: ['thing_view'], resyncs: [], effects: [], warnings: [] },
        );
        const { findings } = await preflight({ view: 'thing_view' }, on.dependencies);
        assert.deepEqual(
          findings.filter(({ ok }) => !ok),
          [],
        );
        await on.replicate('thing_view');
      });
    }

    it('a view whose rows change by themselves, with a warning that the preflight repeats', async () => {
      await on.source.database.query(`
        create view timed_view as select id as thing_id, moment, now() - moment as age from app_thing; grant select on timed_view to reader`);
      const warning = {
        check: 'view timed_view',
        ok: true,
        message: 'view timed_view uses now(): its rows change without a write, and the log does not show it',
        advice:
          'Schedule resyncs of the view: {"view":"timed_view","resync":true}. Or show the plain columns and compute the rest in a view of BigQuery.',
      };
      const entries = [thing({ name: 'timed_view', target_name: 'timed' })];
      assert.deepEqual((await importConfiguration({ entries }, on.dependencies)).warnings, [warning]);

      const { ok, findings } = await preflight({ view: 'timed_view' }, on.dependencies);
      assert.ok(ok);
      assert.deepEqual(
        findings.filter(({ check, advice }) => check === 'view timed_view' && advice),
        [warning],
      );
    });

    it('a table that the log never names, with a warning that the preflight repeats', async () => {
      await on.source.database.query(`
        create table app_quiet (id bigint primary key, code integer); insert into app_quiet values (1, 1);
        insert into django_content_type (id, app_label, model) values (52, 'app', 'quiet');
        create view quiet_view as select id as quiet_id, code from app_quiet; grant select on app_quiet, quiet_view to reader`);
      const entry = thing({
        name: 'quiet_view',
        target_name: 'quiet',
        main_table: 'app_quiet',
        model: 'quiet',
        key_column: 'quiet_id',
      });
      const silent = async () =>
        (await importConfiguration({ entries: [entry] }, on.dependencies)).warnings.map(
          ({ message }) => message,
        );
      // A log without any row shows nothing.
      await on.source.database.query('truncate models_logging_change');
      assert.deepEqual(await silent(), []);
      await on.source.log('app_site', 1, 'added');
      const message =
        'main table app_quiet has rows, and the log has no row of app.quiet: its changes may not be logged';
      assert.deepEqual(await silent(), [message]);
      const { ok, findings } = await preflight({ view: 'quiet_view' }, on.dependencies);
      assert.ok(ok);
      const [found] = findings.filter((finding) => finding.message === message);
      assert.match(found?.advice ?? '', /LOGGING_MODELS/);
      await on.source.database.query(
        `insert into models_logging_change (object_id, content_type_id, action) values ('1', 52, 'added')`,
      );
      assert.deepEqual(await silent(), []);
      await on.source.database.query('truncate models_logging_change');
    });

    it('options without effect, with a warning for each', async () => {
      const entry = thing({
        name: 'idle_view',
        target_name: 'idle',
        unrepresentable: { code: 'string', name: 'null', day: 'null' },
        datetime_columns: ['code', 'name', 'written'],
        ignored_dependencies: ['app_thing', 'app_nothing'],
      });
      await on.source.database.query(
        'create view idle_view as select id as thing_id, code, name, day, written from app_thing; grant select on idle_view to reader',
      );
      const { warnings } = await importConfiguration({ entries: [entry] }, on.dependencies);
      assert.deepEqual(
        warnings.map(({ message }) => message),
        [
          'view idle_view: the unrepresentable policy of code has no effect, since INT64 holds every value of the column',
          'view idle_view: datetime column code stays INT64, since only text and timestamps become TIMESTAMP',
          'view idle_view: ignored dependency app_nothing has no effect, since the view does not depend on it',
        ],
      );
    });

    it('a view that is too large to be read in one call, and says what was not looked at', async () => {
      await on.source.database.query(`
        delete from app_thing; insert into app_thing (id, day) select n, date '2024-01-01' + n from generate_series(1, 10) n;
        create view large_view as select id as thing_id, day from app_thing where pg_sleep(0.4) is not null;
        grant select on large_view to reader`);
      const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '3' });
      const entry = thing({
        name: 'large_view',
        target_name: 'large',
        partition_column: 'day',
        partition_granularity: 'day',
      });
      const { outcome, warnings } = await importConfiguration({ entries: [entry] }, hurried.dependencies);
      assert.equal(outcome, 'imported');
      assert.deepEqual(warnings.at(-1), {
        check: 'view large_view',
        ok: true,
        message:
          'partition column day: by day, it is not known how many partitions the rows of view large_view fill, since counting them took more than 60 s',
        advice: 'See that there are at most 4000: BigQuery refuses to load more at once.',
      });

      const { findings, ok } = await preflight({ view: 'large_view' }, hurried.dependencies);
      assert.ok(ok, JSON.stringify(findings));
      assert.match(
        findings.find(({ check }) => check === 'view large_view')?.message ?? '',
        /key thing_id was not looked for twice, since reading all rows took more than 60 s; a whole load does that/,
      );
      await on.control.query(`delete from etl.view_source where name = 'large_view'`);
      await on.source.database.query('delete from app_thing');
    });

    it('to disable a view that is gone', async () => {
      await on.source.database.query(
        'create view brief_view as select id as thing_id from app_thing; grant select on brief_view to reader',
      );
      const entry = thing({ name: 'brief_view', target_name: 'brief' });
      await importConfiguration({ entries: [entry] }, on.dependencies);
      await on.source.database.query('drop view brief_view');

      await assert.rejects(importConfiguration({ entries: [entry] }, on.dependencies), {
        message: /view brief_view does not exist in the source/,
      });
      await importConfiguration({ entries: [{ ...entry, enabled: false }] }, on.dependencies);
      assert.equal((await on.dependencies.control.viewSources.get('brief_view')).enabled, false);
    });
  });

  describe('that is a dry run', () => {
    const { on } = useInstallation({ per: 'file' });
    before(() => createThings(on));

    const dryRun = async (...entries: object[]) => {
      const command = parseExtractEvent({ import: entries, dryRun: true });
      assert.ok(command.command === 'dryRunImport');
      const before = await on.control.query('select * from etl.view_source order by name');
      const answer = await runOperation(command, on.dependencies, BY_CALL);
      assert.deepEqual(
        (await on.control.query('select * from etl.view_source order by name')).rows,
        before.rows,
      );
      return answer;
    };

    it('answers the preflight of entries that are not stored', async () => {
      const { ok, outcome, findings } = await dryRun(thing());
      assert.deepEqual([ok, outcome], [true, 'ready'], JSON.stringify(findings));
      assert.deepEqual(
        findings
          .filter(({ check }) => check === 'import' || check.startsWith('view '))
          .map(({ message }) => message),
        [
          'reached; view sources to check: 1',
          '13 columns, key thing_id is unique; tables to be created: ledger, temp, target',
        ],
      );
    });

    it('answers every mistake with advice', async () => {
      await on.source.database.query(`insert into app_thing (id, code) values (1, 7), (2, 7)`);
      const { ok, findings } = await dryRun(thing({ cluster_columns: ['tags'] }), {
        ...SITE_ENTRY,
        key_column: 'name',
      });
      assert.equal(ok, false);
      assert.deepEqual(
        findings.filter((finding) => !finding.ok).map(({ check }) => check),
        ['view thing_view', 'view pmr_site'],
      );
    });

    it('answers what becomes of a fed view that dropped a column', async () => {
      await on.replicate();
      await on.source.database.query(`drop view pmr_project;
        create view pmr_project as select id as project_id, name, opened from app_project;
        grant select on pmr_project to reader`);
      const entry = { ...PROJECT_ENTRY, lookups: [], ignored_dependencies: [] };
      const { findings } = await dryRun(entry);
      const [found] = findings.filter(({ check }) => check === 'view pmr_project');
      assert.match(found?.message ?? '', /its tables will follow: .*company/);
    });

    describe('of a view source that is not stored gives advice that, followed literally, lets it pass:', () => {
      const findingOf = async (check: string, entry: object) =>
        (await dryRun(entry)).findings.find((found) => found.check === check);
      const setTargets = (settings: object) =>
        on.bigquery.dataset('SMartDataAnalytics').setMetadata(settings);

      for (const column_changes of ['evolve', 'freeze'] as const) {
        it(`another table in the place of its target, column_changes ${column_changes}`, async () => {
          await on.query('create or replace table SMartDataAnalytics.thing (a string)');

          const found = await findingOf('view thing_view', thing({ column_changes }));

          assert.equal(found?.ok, false);
          assert.match(
            found?.advice ?? '',
            /thing exists already, and SMart DataHub did not make it\. Import the view with another target_name\.$/,
          );
          assert.equal((await dryRun(thing({ column_changes, target_name: 'other_thing' }))).ok, true);
          await on.query('drop table SMartDataAnalytics.thing');
        });
      }

      it('a dataset whose texts ignore case', async () => {
        await setTargets({ defaultCollation: 'und:ci' });

        const found = await findingOf('tables of thing_view', thing());

        assert.equal(found?.ok, false);
        assert.match(
          found?.advice ?? '',
          /^Run: alter schema .* set default collate ''; Then import again\.$/,
        );
        await setTargets({ defaultCollation: '' });
        assert.equal((await dryRun(thing())).ok, true);
      });
    });

    it('answers what the import itself would refuse', async () => {
      const { findings } = await dryRun({ ...thing(), target_name: 'project' });
      assert.match(
        findings.find(({ check }) => check === 'import')?.message ?? '',
        /that target belongs to view pmr_project/,
      );
      const unknown = await dryRun({ ...thing(), model: 'nothing' });
      assert.match(
        unknown.findings.find(({ check }) => check === 'import')?.message ?? '',
        /content type app\.nothing does not exist/,
      );
    });
  });

  describe('beside others', () => {
    const { on } = useInstallation({ per: 'file' });

    it('neither deadlocks nor fails, in whatever order each names the view sources', async () => {
      const process = await on.anotherProcess();
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          importConfiguration(
            { entries: i % 2 === 0 ? [PROJECT_ENTRY, SITE_ENTRY] : [SITE_ENTRY, PROJECT_ENTRY] },
            i % 4 < 2 ? on.dependencies : process.dependencies,
          ).then(
            ({ outcome }) => outcome,
            (error: unknown) => String(error),
          ),
        ),
      );
      assert.deepEqual(new Set(outcomes), new Set(['imported']));
    });

    it('refuses a target that another import has just taken, by name', async () => {
      await on.source.database.query(
        'create view pmr_site_2 as select id as site_id from app_site; grant select on pmr_site_2, pmr_site to reader',
      );
      const entries = ['pmr_site_2', 'pmr_site_3'].map((name) => ({
        ...SITE_ENTRY,
        name,
        target_name: 'site_new',
      }));
      await on.source.database.query(
        'create view pmr_site_3 as select id as site_id from app_site; grant select on pmr_site_3 to reader',
      );
      const outcomes = await Promise.allSettled(
        entries.map((entry) =>
          on.dependencies.control.viewSources.import([{ ...entry, content_type_id: 9 }]),
        ),
      );
      const refused = outcomes.filter((each) => each.status === 'rejected').map(({ reason }) => reason);
      assert.equal(refused.length, 1);
      assert.equal(refused[0].kind, 'configuration');
      assert.match(
        refused[0].message,
        /that target belongs to view pmr_site_[23]|site_new is the target of view pmr_site_[23]/,
      );
    });
  });
});

describe('missing rights', () => {
  const { on } = useInstallation();

  /** The statements that the findings advise. */
  const grantsIn = (findings: { ok: boolean; message: string; advice?: string }[]): string[] =>
    findings
      .filter(({ ok }) => !ok)
      .flatMap(
        ({ message, advice = '' }) => `${advice} ${message};`.match(/(?:grant|alter role) [^;]*;/g) ?? [],
      );

  it('are reported with the statements that mend them, for every object', async () => {
    await on.source.database.query(`
      revoke all on all tables in schema public from ${READER.name};
      revoke all on all sequences in schema public from ${READER.name}`);
    const named = new Set<string>();
    for (let round = 1; ; round += 1) {
      const { ok, findings } = await preflight({ view: undefined }, on.dependencies);
      if (ok) break;
      const grants = grantsIn(findings);
      assert.ok(round < 5 && grants.length > 0, JSON.stringify(findings));
      for (const grant of grants) {
        named.add(/on (?:sequence )?(\S+) to/.exec(grant)?.[1] ?? grant);
        await on.source.database.query(grant);
      }
    }
    assert.deepEqual([...named].toSorted(), [
      'public.app_company',
      'public.app_project',
      'public.app_site',
      'public.django_content_type',
      'public.models_logging_change',
      'public.models_logging_change_id_seq',
      'public.pmr_project',
      'public.pmr_site',
    ]);
  });

  for (const { what, lose, grant } of [
    {
      what: 'of the owner of a view on its table',
      lose: `create role keeper; grant keeper to postgres; grant create, usage on schema public to keeper; grant select on app_site to keeper;
        alter view pmr_site owner to keeper; grant select on pmr_site to reader; revoke select on app_site from keeper`,
      grant: 'grant select on public.app_site to keeper;',
    },
    {
      what: 'of the role on the tables of a view with security_invoker',
      lose: `create table app_note (site_id bigint primary key, note text);
        create or replace view pmr_site with (security_invoker = true) as
          select id as site_id, project_id, name, n.note from app_site s left join app_note n on n.site_id = s.id`,
      grant: 'grant select on public.app_note to reader;',
    },
    {
      what: 'on some columns of a view',
      lose: 'revoke select on pmr_site from reader; grant select (site_id) on pmr_site to reader',
      grant: 'grant select on public.pmr_site to reader;',
    },
    {
      what: 'on the schema',
      lose: 'create schema apart; alter table app_site set schema apart',
      grant: 'grant usage on schema apart to reader;',
    },
  ]) {
    it(`${what} are found`, async () => {
      await on.source.database.query(lose);
      const { findings } = await preflight({ view: 'pmr_site' }, on.dependencies);
      assert.ok(grantsIn(findings).includes(grant), JSON.stringify(findings.filter(({ ok }) => !ok)));
    });
  }

  it('of a tick name the object and the statement as well', async () => {
    await on.source.database.query(`revoke select on models_logging_change from ${READER.name}`);
    await assert.rejects(on.extract('pmr_site'), {
      kind: 'unauthorized',
      message: 'role reader may not read change log public.models_logging_change',
      advice: 'Run in the source, as its owner: grant select on public.models_logging_change to reader;',
    });
  });
});

describe('a log of an older release', () => {
  const { on } = useInstallation();

  for (const [what, change] of [
    [
      'integer object ids',
      'alter table models_logging_change alter object_id type integer using object_id::integer',
    ],
    ['json instead of jsonb', 'alter table models_logging_change alter changed_data type json'],
    [
      'both',
      'alter table models_logging_change alter object_id type bigint using object_id::bigint, alter changed_data type json',
    ],
  ] as const) {
    it(`with ${what} is captured`, async () => {
      await on.source.database.query(change);
      await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
      assert.equal((await preflight({ view: 'pmr_project' }, on.dependencies)).outcome, 'ready');
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', deleted: '1' });

      await on.assertEqual();
    });
  }

  for (const { what, change, message } of [
    {
      what: 'ids that are no numbers',
      change: `alter table models_logging_change alter id drop default, alter id type uuid using gen_random_uuid()`,
      message: /its ids have type uuid, but a capture needs whole numbers that a sequence draws/,
    },
    {
      what: 'changed data that are text',
      change: 'alter table models_logging_change alter changed_data type text',
      message: /its column changed_data has type text, but must have type jsonb or json/,
    },
    {
      what: 'no content types',
      change: 'alter table models_logging_change rename content_type_id to kind',
      message: /it has no column content_type_id/,
    },
  ]) {
    it(`with ${what} is refused in a clear sentence, by the preflight and by a tick`, async () => {
      await on.source.database.query(change);
      const { findings } = await preflight({ view: undefined }, on.dependencies);
      const finding = findings.find(({ check }) => check === 'change log');
      assert.match(finding?.message ?? '', message);
      assert.match(finding?.advice ?? '', /django-models-logging/);
      await assert.rejects(on.extract(), { kind: 'source_refused', message });
    });
  }
});

describe('a view', () => {
  const { on } = useInstallation();
  const views = async (columns: readonly string[]) => {
    const names = columns.map((name) => pg.escapeIdentifier(name));
    await on.source.database.query(`
      insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing');
      create table app_thing (${names.map((name, i) => (i === 0 ? `${name} bigint primary key` : `${name} text`)).join(', ')});
      create view thing_view as select ${names.join(', ')} from app_thing;
      grant select on app_thing, thing_view to reader`);
  };
  const log = (id: number, action: string) =>
    on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action) values ($1, ${THING_TYPE}, $2)`,
      [String(id), action],
    );

  for (const key of ['r', 'k', 'v', 'key', 'id', 'q', 'l', 'm', 'g', 'c']) {
    it(`may have columns with the names that our statements for PostgreSQL use, and the key ${key}`, async () => {
      const others = [
        'r',
        'k',
        'v',
        'q',
        'l',
        'c',
        'e',
        'i',
        'log',
        'gap',
        'low',
        'cut',
        'covered',
        'mention',
        'view_rows',
        'content_type',
      ];
      await views([key, ...others.filter((name) => name !== key)]);
      await on.source.database.query('insert into app_thing values (1), (2), (3)');
      await importConfiguration({ entries: [thing({ key_column: key })] }, on.dependencies);
      await on.replicate('thing_view');
      await on.source.database.query(
        `delete from app_thing where ${key} = 2; update app_thing set e = 'x' where ${key} = 3`,
      );
      await log(2, 'deleted');
      await log(3, 'changed');

      assert.partialDeepStrictEqual(await on.replicate('thing_view'), { changed: '1', deleted: '1' });
    });
  }

  it('may give these names to columns of every kind of type', async () => {
    await on.source.database.query(`
      insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing');
      create table app_thing (id bigint primary key, e text[], i integer[], a jsonb[], n jsonb, r numeric, v date, k timestamptz, g text, q double precision);
      create view thing_view as select id as thing_id, e, i, a, n, r, v, k, g, q from app_thing;
      grant select on app_thing, thing_view to reader;
      insert into app_thing values (1, '{x,y}', '{1,2}', '{}', '{"a": 1}', 1.5, '2024-01-01', '2024-01-01', '2024-01-01', 0.5)`);
    await importConfiguration(
      {
        entries: [
          thing({
            datetime_columns: ['g'],
            unrepresentable: { v: 'null', n: 'string' },
            null_defaults: { r: 0, v: '1970-01-01' },
          }),
        ],
      },
      on.dependencies,
    );
    await on.replicate('thing_view');
    await on.source.database.query(`update app_thing set e = '{z}', v = 'infinity', n = '{"a": 1e999}'`);
    await log(1, 'changed');
    await on.replicate('thing_view');

    const [row] = await on.query('select * except (update_at) from SMartDataAnalytics.thing');
    assert.partialDeepStrictEqual(row, {
      thing_id: '1',
      e: ['z'],
      v: null,
      n: `{"a": 1${'0'.repeat(999)}}`,
    });

    // Bad values are found by key and column.
    await on.source.database.query(`update app_thing set e = array['z', null]`);
    await log(1, 'changed');
    await assert.rejects(on.extract('thing_view'), {
      kind: 'bad_data',
      message: /key 1, column e: the value contains a NULL/,
    });
  });
});

describe('a database with the encoding SQL_ASCII', () => {
  const { on } = useInstallation();

  it('stops a batch at bytes that are no text, naming key and column, and the check warns of it', async () => {
    const name = `ascii_${on.parts.env.GOOGLE_CLOUD_PROJECT?.replaceAll('-', '_')}`;
    await on.source.database.query(
      `create database ${name} template template0 encoding 'SQL_ASCII' locale_provider libc lc_collate 'C' lc_ctype 'C'`,
    );
    const urlOf = (url = '') => Object.assign(new URL(url), { pathname: name }).href;
    const database = new pg.Pool({ connectionString: urlOf(on.parts.sourceUrl), max: 1 });
    database.on('error', () => undefined);
    try {
      await database.query(await readFile(new URL('../../support/source.sql', import.meta.url), 'utf8'));
      await database.query(`insert into app_project (id, name) values (1, 'plain'), (2, 'caf' || chr(233))`);
      const { dependencies } = await on.anotherProcess({
        SOURCE_DATABASE_URL: urlOf(on.parts.env.SOURCE_DATABASE_URL),
      });
      on.dependencies = dependencies;

      const { findings } = await preflight({ view: 'pmr_project' }, dependencies);
      const warning = findings.find(({ check }) => check === 'source encoding');
      assert.equal(warning?.ok, true);
      assert.match(warning?.message ?? '', /has the encoding SQL_ASCII/);
      await assert.rejects(on.extract(), {
        kind: 'bad_data',
        message: /view pmr_project: key 2, column name: invalid byte sequence for encoding "UTF8"/,
      });

      await database.query(`update app_project set name = 'mended' where id = 2`);
      await on.dependencies.control.viewStops.resume('pmr_project');
      await on.replicate();
    } finally {
      await database.end();
    }
  });
});

describe('the check of the statements for BigQuery', () => {
  const { on, stack } = useInstallation();

  it('finds what BigQuery refuses, before and after the tables exist, and changes nothing', async () => {
    const problems = async () => {
      const { findings } = await preflight({ view: 'pmr_site' }, on.dependencies);
      return findings.filter(({ ok }) => !ok).map(({ message }) => message);
    };
    const refusal = failBefore(400, 'invalidQuery');
    stack.bigquery.faults.next('bigquery.jobs.insert', pass(), refusal);
    assert.match((await problems())[0] ?? '', /^view pmr_site: the target table cannot be created: /);
    assert.deepEqual((await on.bigquery.dataset('SMartDataAnalytics').getTables())[0], []);

    await on.source.add('app_site', { id: 1, name: 'one' });
    await on.replicate('pmr_site');
    stack.bigquery.faults.next('bigquery.jobs.insert', pass(), pass(), pass(), refusal);
    assert.match((await problems())[0] ?? '', /^view pmr_site: the reporting view cannot be created: /);
    assert.deepEqual(stack.bigquery.faults.unused, []);
    assert.deepEqual(await problems(), []);
  });
});
