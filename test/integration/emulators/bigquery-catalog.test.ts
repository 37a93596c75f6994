import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LOCATION, openProject, type Project, rejection } from './bigquery-project.ts';

describe('BigQuery emulator: datasets, tables and routines', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  it('keeps the location of a dataset', async () => {
    await project.bigquery.createDataset('kept', { location: 'EU' });
    const [metadata] = await project.bigquery.dataset('kept').getMetadata();
    assert.equal(metadata.location, 'EU');
    const [datasets] = await project.bigquery.getDatasets();
    assert.ok(datasets.some(({ id }) => id === 'kept'));
    assert.deepEqual(await project.bigquery.dataset('absent').exists(), [false]);
  });

  it('answers 409 duplicate for a dataset or a table that exists, and 404 notFound for one that does not', async () => {
    await project.bigquery.createDataset('twice');
    const again = await rejection(project.bigquery.createDataset('twice'));
    assert.deepEqual(
      [again.code, again.reason, again.message],
      [409, 'duplicate', 'Already Exists: Dataset p1:twice'],
    );
    const missing = await rejection(project.bigquery.dataset('none').getMetadata());
    assert.deepEqual(
      [missing.code, missing.reason, missing.message],
      [404, 'notFound', 'Not found: Dataset p1:none'],
    );
    const table = await rejection(project.bigquery.dataset('d').table('none').getMetadata());
    assert.deepEqual([table.code, table.message], [404, 'Not found: Table p1:d.none']);
  });

  it('tells names by their case', async () => {
    await project.rows('create table d.Cased (a int64); create table d.cased (b string)');
    const [upper] = await project.bigquery.dataset('d').table('Cased').getMetadata();
    const [lower] = await project.bigquery.dataset('d').table('cased').getMetadata();
    assert.deepEqual([upper.schema.fields[0].name, lower.schema.fields[0].name], ['a', 'b']);
    const missing = await rejection(project.rows('select * from d.CASED'));
    assert.equal(missing.reason, 'notFound');
  });

  it('reads the layout and the key of a table from SQL', async () => {
    await project.rows(`
      create table d.laid_out (
        id int64 not null, ts timestamp, parent_id int64, tags array<string>,
        primary key (id) not enforced
      )
      partition by timestamp_trunc(ts, month)
      cluster by id, parent_id
      options (description = "it's", max_staleness = interval 15 minute);
      create table d.daily (ts timestamp) partition by date(ts);
      create table d.dates (day date) partition by day`);
    const [metadata] = await project.bigquery.dataset('d').table('laid_out').getMetadata();
    assert.deepEqual(
      metadata.schema.fields.map(({ name, type, mode }: Record<string, string>) => `${name} ${type} ${mode}`),
      ['id INTEGER REQUIRED', 'ts TIMESTAMP NULLABLE', 'parent_id INTEGER NULLABLE', 'tags STRING REPEATED'],
    );
    assert.deepEqual(metadata.timePartitioning, { type: 'MONTH', field: 'ts' });
    assert.deepEqual(metadata.clustering.fields, ['id', 'parent_id']);
    assert.deepEqual(metadata.tableConstraints, { primaryKey: { columns: ['id'] } });
    assert.deepEqual([metadata.description, metadata.maxStaleness], ["it's", '0-0 0 0:15:0']);
    assert.deepEqual([metadata.type, metadata.location, metadata.numRows], ['TABLE', LOCATION, '0']);
    for (const [table, field] of [
      ['daily', 'ts'],
      ['dates', 'day'],
    ] as const) {
      const [{ timePartitioning }] = await project.bigquery.dataset('d').table(table).getMetadata();
      assert.deepEqual(timePartitioning, { type: 'DAY', field });
    }
  });

  it('refuses a layout that names columns which are not there or cannot serve', async () => {
    for (const layout of [
      'cluster by nothing',
      'cluster by j',
      'cluster by f',
      'cluster by tags',
      'cluster by s, a, b, c, e',
      'partition by s',
    ]) {
      const { code } = await rejection(
        project.rows(`create table d.bad (s string, j json, f float64, tags array<string>,
          a int64, b int64, c int64, e int64) ${layout}`),
      );
      assert.equal(code, 400, layout);
    }
    const columns = Array.from({ length: 17 }, (_, index) => `c${index}`);
    for (const key of ['(a)', '(nothing) not enforced', `(${columns.join(', ')}) not enforced`]) {
      const types = columns.map((name) => `${name} int64`).join(', ');
      const { code } = await rejection(
        project.rows(`create table d.bad (a int64, ${types}, primary key ${key})`),
      );
      assert.equal(code, 400, key);
    }
  });

  it('adds and drops columns and keys', async () => {
    await project.rows('create table d.grows (a int64); insert into d.grows (a) values (1)');
    await project.rows(
      'alter table d.grows add column b string, add column c date, add primary key (a) not enforced',
    );
    assert.deepEqual(await project.rows('select * from d.grows'), [{ a: 1, b: null, c: null }]);
    for (const change of [
      'add column b string',
      'add column e int64 not null',
      'add primary key (b) not enforced',
      'drop column a',
      'drop column nothing',
    ]) {
      assert.equal((await rejection(project.rows(`alter table d.grows ${change}`))).code, 400, change);
    }
    await project.rows(
      'alter table d.grows add column if not exists b string, add column n int64, alter column n set data type numeric',
    );
    assert.equal(
      (await rejection(project.rows('alter table d.grows alter column b set data type int64'))).code,
      400,
    );
    await project.rows('alter table d.grows drop column c, drop primary key');
    assert.deepEqual(await project.rows('select * from d.grows'), [{ a: 1, b: null, n: null }]);
    const [{ tableConstraints }] = await project.bigquery.dataset('d').table('grows').getMetadata();
    assert.deepEqual(tableConstraints, {});
  });

  it('lists and describes tables and views', async () => {
    await project.bigquery.createDataset('listed', { location: LOCATION });
    await project.rows(`create table listed.t1 (a int64, at timestamp);
      insert into listed.t1 values (1, null), (2, '2020-01-01');
      create view listed.v1 as select a from listed.t1`);
    const [tables] = await project.bigquery.dataset('listed').getTables();
    assert.deepEqual(
      tables.map(({ id, metadata }) => `${id} ${metadata.type}`),
      ['t1 TABLE', 'v1 VIEW'],
    );
    const [view] = await project.bigquery.dataset('listed').table('v1').getMetadata();
    assert.deepEqual([view.view.query, view.schema.fields[0].type], ['select a from listed.t1', 'INTEGER']);
    const [metadata] = await project.bigquery.dataset('listed').table('t1').getMetadata();
    assert.deepEqual([metadata.numRows, metadata.numBytes], ['2', '24']);
  });

  it('does not have the methods that the project does not call', async () => {
    await project.rows('create table d.described (a int64)');
    const table = project.bigquery.dataset('d').table('described');
    const dataset = project.bigquery.dataset('d');
    for (const call of [
      () => table.getRows(),
      () => table.delete(),
      () => dataset.createTable('made', { schema: 'a' }),
      () => dataset.delete(),
      () => dataset.getRoutines(),
    ]) {
      assert.match((await rejection(call())).message, /No such method/);
    }
  });

  it('creates what is missing and leaves the rest, however often and at once', async () => {
    const setup = `create table if not exists d.once (a int64); create view if not exists d.once_view as select a from d.once;
      create procedure if not exists d.once_procedure() begin select 1; end; select 7 as last`;
    const results = await Promise.all([1, 2, 3, 4].map(() => project.rows(setup)));
    assert.deepEqual(
      results,
      [1, 2, 3, 4].map(() => [{ last: 7 }]),
    );
    assert.equal((await rejection(project.rows('create table d.once (a int64)'))).reason, 'duplicate');
    await project.rows('drop table if exists d.nothing; drop table d.once');
    assert.equal((await rejection(project.rows('drop table d.nothing'))).reason, 'notFound');
    assert.equal((await rejection(project.rows('drop table d.once_view'))).code, 400);
  });

  it('finds tables, views, procedures, jobs and their results again after a restart', async () => {
    const dataFolder = await mkdtemp(path.join(tmpdir(), 'bigquery-test-'));
    try {
      const first = await openProject({ dataFolder });
      await first.bigquery.createDataset('kept', { location: LOCATION });
      await first.rows(`create table kept.t (a int64 not null, s string); insert into kept.t values (1, 'x');
        create view kept.v as select a from kept.t; create procedure kept.p() begin select 42 as answer; end`);
      const job = await first.finished('call kept.p()', { jobId: 'named-job' });
      await first.close();
      const second = await openProject({ dataFolder });
      try {
        assert.deepEqual(
          await second.rows('select t.s, v.a from kept.t as t join kept.v as v on t.a = v.a'),
          [{ s: 'x', a: 1 }],
        );
        assert.deepEqual(await second.rows('call kept.p()'), [{ answer: 42 }]);
        const [found] = await second.bigquery.job('named-job', { location: LOCATION }).getQueryResults();
        assert.deepEqual([job.id, found], ['named-job', [{ answer: 42 }]]);
        const again = await rejection(
          second.bigquery.createQueryJob({ query: 'select 1', jobId: 'named-job', location: LOCATION }),
        );
        assert.equal(again.code, 409);
      } finally {
        await second.close();
      }
    } finally {
      await rm(dataFolder, { recursive: true });
    }
  });

  describe('tables.patch', () => {
    const TAG = 'projects/p/locations/asia-southeast1/taxonomies/1/policyTags/2';
    const table = () => project.bigquery.dataset('d').table('patched');
    const fields = async () => (await table().getMetadata())[0].schema.fields;
    beforeEach(() =>
      project.rows('create or replace table d.patched (id int64 not null, name string) cluster by id'),
    );
    afterEach(() => project.rows('drop table d.patched'));

    it('changes only the given settings, and null removes one', async () => {
      await table().setMetadata({
        description: 'mine',
        labels: { a: 'b', c: 'd' },
        maxStaleness: '0-0 0 0:5:0',
      });
      await table().setMetadata({
        clustering: { fields: ['id', 'name'] },
        labels: { c: null as unknown as string },
      });
      const [{ description, labels, maxStaleness, clustering }] = await table().getMetadata();
      assert.deepEqual(
        { description, labels, maxStaleness, clustering },
        {
          description: 'mine',
          labels: { a: 'b' },
          maxStaleness: '0-0 0 0:5:0',
          clustering: { fields: ['id', 'name'] },
        },
      );
    });

    it('keeps the labels of its statement', async () => {
      await project.rows(
        "create or replace table d.patched (id int64) cluster by id options (labels = [('team', 'sales'), ('a', '')], description = 'x')",
      );
      const [{ labels, description }] = await table().getMetadata();
      assert.deepEqual([labels, description], [{ team: 'sales', a: '' }, 'x']);
      await assert.rejects(
        project.rows(
          "create or replace table d.patched (id int64) cluster by id options (labels = [('Team', 'sales')])",
        ),
        /Invalid label key: Team/,
      );
    });

    it('refuses labels that Google refuses', async () => {
      for (const labels of [
        { Upper: 'a' },
        { '1st': 'a' },
        { a: 'Upper' },
        { a: 'b c' },
        { a: 'b'.repeat(64) },
      ]) {
        await assert.rejects(table().setMetadata({ labels }), { code: 400 });
      }
      await table().setMetadata({ labels: { a: '', 'a-b_1': 'b'.repeat(63) } });
    });

    it('sets policy tags, keeps those that are not given, and removes them by an empty list', async () => {
      const [id, name] = await fields();
      await table().setMetadata({
        schema: { fields: [id, { ...name, policyTags: { names: [TAG] }, description: 'x' }] },
      });
      await project.rows('alter table d.patched add column more string');
      const [, tagged, more] = await fields();
      assert.deepEqual([tagged?.policyTags, tagged?.description], [{ names: [TAG] }, 'x']);
      await table().setMetadata({ schema: { fields: [id, name, more] } });
      assert.deepEqual((await fields())[1]?.policyTags, { names: [TAG] });
      await table().setMetadata({ schema: { fields: [id, { ...name, policyTags: { names: [] } }, more] } });
      assert.equal((await fields())[1]?.policyTags, undefined);
    });

    it('refuses other columns, other partitions, two tags, and a tag of another location', async () => {
      const [id, name] = await fields();
      const refused = async (settings: object) => (await rejection(table().setMetadata(settings))).message;
      assert.match(await refused({ schema: { fields: [id] } }), /Provided Schema does not match/);
      assert.match(
        await refused({ schema: { fields: [id, { ...name, type: 'INTEGER' }] } }),
        /does not match/,
      );
      assert.match(
        await refused({ timePartitioning: { type: 'DAY', field: 'id' } }),
        /Cannot change partitioning/,
      );
      const tagged = (names: string[]) => ({ schema: { fields: [id, { ...name, policyTags: { names } }] } });
      assert.match(await refused(tagged([TAG, TAG])), /more than one policy tag/);
      assert.match(
        await refused(tagged([TAG.replace('asia-southeast1', 'us')])),
        /not in location asia-southeast1/,
      );
      assert.match(await refused({ clustering: { fields: ['nothing'] } }), /cannot be found in the schema/);
    });
  });

  it('renames a table with its rows and settings, but not to a name that is taken', async () => {
    await project.rows(`
      create table d.\`before-it\` (a int64) cluster by a options (description = 'kept');
      insert into d.\`before-it\` (a) values (7);
      alter table d.\`before-it\` rename to after_it`);
    assert.deepEqual(await project.values('select a from d.after_it'), [7]);
    const [{ description, clustering }] = await project.bigquery.dataset('d').table('after_it').getMetadata();
    assert.deepEqual([description, clustering.fields], ['kept', ['a']]);
    assert.deepEqual(await project.bigquery.dataset('d').table('before-it').exists(), [false]);
    await project.rows('create table d.before_it (a int64)');
    await assert.rejects(
      project.rows('alter table d.before_it rename to after_it'),
      /Already Exists: Table p1:d.after_it/,
    );
  });

  it('refuses to replace a table with another partitioning or clustering', async () => {
    await project.rows('create table d.laid (a int64, b date) partition by b cluster by a');
    for (const layout of [
      'cluster by a',
      'partition by b',
      'partition by date_trunc(b, month) cluster by a',
    ]) {
      await assert.rejects(
        project.rows(`create or replace table d.laid (a int64, b date) ${layout}`),
        /Cannot replace a table with a different (partitioning|clustering) spec/,
      );
    }
    await project.rows('create or replace table d.laid (a string, b date) partition by b cluster by a');
  });

  it('casts safely: what CAST refuses is NULL', async () => {
    assert.deepEqual(
      await project.values(
        `select safe_cast('7' as int64), safe_cast('x' as int64), safe_cast('yes' as bool), safe_cast('2024-02-30' as date), safe_cast(1.5 as string)`,
      ),
      [7, null, null, null, '1.5'],
    );
  });
});
