import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { createThings, thing } from './things.ts';

describe('an import accepts', () => {
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
        'partition column day: by day, it is not known how many partitions the rows of view large_view fill, since counting them takes longer than a check may',
      advice: 'See that there are at most 4000: BigQuery refuses to load more at once.',
    });

    const { findings, ok } = await preflight({ view: 'large_view' }, hurried.dependencies);
    assert.ok(ok, JSON.stringify(findings));
    assert.match(
      findings.find(({ check }) => check === 'view large_view')?.message ?? '',
      /key thing_id was not looked for twice, since reading all rows takes longer than a check may; a whole load does that/,
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
