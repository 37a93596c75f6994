import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LOCATION, openProject, type Project, rejection } from './bigquery-project.ts';

describe('BigQuery stand-in: datasets, tables and routines', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  it('keeps the location, the description and the labels of a dataset', async () => {
    await project.bigquery.createDataset('kept', { location: 'EU', description: 'x', labels: { a: 'b' } });
    const [metadata] = await project.bigquery.dataset('kept').getMetadata();
    assert.deepEqual([metadata.location, metadata.description, metadata.labels], ['EU', 'x', { a: 'b' }]);
    const [datasets] = await project.bigquery.getDatasets();
    assert.ok(datasets.some(({ id }) => id === 'kept'));
    await project.bigquery.dataset('kept').delete();
    assert.deepEqual(await project.bigquery.dataset('kept').exists(), [false]);
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

  it('keeps everything that a table is created with', async () => {
    const schema = {
      fields: [
        { name: 'id', type: 'INT64', mode: 'REQUIRED' },
        { name: 'day', type: 'DATE' },
        { name: 'tags', type: 'STRING', mode: 'REPEATED' },
        { name: 'part', type: 'RECORD', fields: [{ name: 'x', type: 'FLOAT' }] },
      ],
    };
    await project.bigquery.dataset('d').createTable('full', {
      schema,
      timePartitioning: { type: 'MONTH', field: 'day' },
      clustering: { fields: ['id'] },
      tableConstraints: { primaryKey: { columns: ['id'] } },
      description: 'full',
      labels: { kept: 'yes' },
    });
    const [metadata] = await project.bigquery.dataset('d').table('full').getMetadata();
    assert.deepEqual(
      metadata.schema.fields.map(({ name, type, mode }: Record<string, string>) => `${name} ${type} ${mode}`),
      ['id INTEGER REQUIRED', 'day DATE NULLABLE', 'tags STRING REPEATED', 'part RECORD NULLABLE'],
    );
    assert.deepEqual(metadata.timePartitioning, { type: 'MONTH', field: 'day' });
    assert.deepEqual(metadata.clustering, { fields: ['id'] });
    assert.deepEqual(metadata.tableConstraints, { primaryKey: { columns: ['id'] } });
    assert.deepEqual([metadata.type, metadata.location, metadata.numRows], ['TABLE', LOCATION, '0']);
    assert.deepEqual([metadata.description, metadata.labels], ['full', { kept: 'yes' }]);
  });

  it('reads the layout and the keys of a table from SQL', async () => {
    await project.rows(`
      create table d.parent (id int64, primary key (id) not enforced);
      create table d.laid_out (
        id int64 not null options (description = 'the key'), ts timestamp, parent_id int64, s struct<a int64, b array<string>>,
        primary key (id) not enforced,
        constraint fk foreign key (parent_id) references d.parent (id) not enforced
      )
      partition by timestamp_trunc(ts, month)
      cluster by id, parent_id
      options (description = "it's", labels = [('a', 'b')], max_staleness = interval 15 minute, require_partition_filter = true);
      create table d.ranged (n int64) partition by range_bucket(n, generate_array(0, 100, 10));
      create table d.daily (ts timestamp) partition by date(ts)`);
    const [metadata] = await project.bigquery.dataset('d').table('laid_out').getMetadata();
    assert.deepEqual(metadata.timePartitioning, { type: 'MONTH', field: 'ts' });
    assert.deepEqual(metadata.clustering.fields, ['id', 'parent_id']);
    assert.deepEqual(metadata.tableConstraints, {
      primaryKey: { columns: ['id'] },
      foreignKeys: [
        {
          name: 'fk',
          referencedTable: { projectId: 'p1', datasetId: 'd', tableId: 'parent' },
          columnReferences: [{ referencingColumn: 'parent_id', referencedColumn: 'id' }],
        },
      ],
    });
    assert.deepEqual(
      [metadata.description, metadata.labels, metadata.maxStaleness, metadata.requirePartitionFilter],
      ["it's", { a: 'b' }, '0-0 0 0:15:0', true],
    );
    assert.equal(metadata.schema.fields[0].description, 'the key');
    const [ranged] = await project.bigquery.dataset('d').table('ranged').getMetadata();
    assert.deepEqual(ranged.rangePartitioning, {
      field: 'n',
      range: { start: '0', end: '100', interval: '10' },
    });
    const [daily] = await project.bigquery.dataset('d').table('daily').getMetadata();
    assert.deepEqual(daily.timePartitioning, { type: 'DAY', field: 'ts' });
  });

  it('refuses a layout that names columns which are not there or cannot serve', async () => {
    for (const layout of ['cluster by nothing', 'partition by s', 'cluster by j']) {
      const { code } = await rejection(project.rows(`create table d.bad (s string, j json) ${layout}`));
      assert.equal(code, 400, layout);
    }
    assert.equal((await rejection(project.rows('create table d.bad (a int64, primary key (a))'))).code, 400);
  });

  it('adds columns, by REST and by SQL, and refuses to take one away by REST', async () => {
    await project.rows('create table d.grows (a int64); insert into d.grows (a) values (1)');
    const table = project.bigquery.dataset('d').table('grows');
    const fields = [
      { name: 'a', type: 'INTEGER' },
      { name: 'b', type: 'STRING' },
    ];
    await table.setMetadata({ schema: { fields }, description: 'grown', labels: { x: 'y' } });
    await project.rows(`alter table d.grows add column c date, add column if not exists b string;
      alter table d.grows add primary key (a) not enforced; alter table d.grows set options (description = 'more')`);
    assert.deepEqual(await project.rows('select * from d.grows'), [{ a: 1, b: null, c: null }]);
    const [metadata] = await table.getMetadata();
    assert.deepEqual([metadata.description, metadata.labels], ['more', { x: 'y' }]);
    assert.deepEqual(metadata.tableConstraints, { primaryKey: { columns: ['a'] } });
    assert.match(
      (await rejection(table.setMetadata({ schema: { fields } }))).message,
      /Field c is missing in new schema/,
    );
    await project.rows('alter table d.grows drop column c');
    assert.deepEqual(await project.rows('select * from d.grows'), [{ a: 1, b: null }]);
  });

  it('lists tables and views, pages of rows included', async () => {
    await project.rows(`create schema listed options (location = '${LOCATION}')`);
    await project.rows(`create table listed.t1 (a int64, at timestamp);
      insert into listed.t1 select x, timestamp_micros(x) from unnest(generate_array(1, 5)) x;
      create view listed.v1 as select a from listed.t1`);
    const [tables] = await project.bigquery.dataset('listed').getTables();
    assert.deepEqual(
      tables.map(({ id, metadata }) => `${id} ${metadata.type}`),
      ['t1 TABLE', 'v1 VIEW'],
    );
    const [view] = await project.bigquery.dataset('listed').table('v1').getMetadata();
    assert.deepEqual([view.view.query, view.schema.fields[0].type], ['select a from listed.t1', 'INTEGER']);
    const table = project.bigquery.dataset('listed').table('t1');
    const [all] = await table.getRows();
    assert.deepEqual(
      all.map(({ a }) => a),
      [1, 2, 3, 4, 5],
    );
    assert.equal(all[0].at.value, '1970-01-01T00:00:00.000001000Z');
    const [page, next] = await table.getRows({ maxResults: 2, autoPaginate: false });
    assert.deepEqual([page.length, (next as { pageToken: string }).pageToken], [2, '2']);
    const [metadata] = await table.getMetadata();
    assert.deepEqual([metadata.numRows, metadata.numBytes], ['5', '80']);
  });

  it('deletes a dataset only when it is empty, or with its contents', async () => {
    await project.rows(
      `create schema full_one options (location = '${LOCATION}'); create table full_one.t (a int64)`,
    );
    assert.equal((await rejection(project.bigquery.dataset('full_one').delete())).reason, 'resourceInUse');
    await project.bigquery.dataset('full_one').delete({ force: true });
    assert.deepEqual(await project.bigquery.dataset('full_one').exists(), [false]);
  });

  it('describes and deletes a procedure', async () => {
    await project.rows('create procedure d.described(a int64, b string) begin select a; end');
    const [routines] = await project.bigquery.dataset('d').getRoutines();
    assert.ok(routines.some(({ id }) => id === 'described'));
    const routine = project.bigquery.dataset('d').routine('described');
    const [metadata] = await routine.getMetadata();
    assert.equal(metadata.definitionBody, 'begin select a; end');
    assert.deepEqual(metadata.arguments[0], { name: 'a', mode: 'IN', dataType: { typeKind: 'INT64' } });
    await routine.delete();
    assert.equal((await rejection(routine.getMetadata())).code, 404);
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
    await project.rows(
      'drop view d.once_view; drop table if exists d.nothing; drop procedure d.once_procedure',
    );
    assert.equal((await rejection(project.rows('drop table d.nothing'))).reason, 'notFound');
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
});
