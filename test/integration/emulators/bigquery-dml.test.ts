import assert from 'node:assert/strict';
import { failure, openProject, type Project, rejection } from './bigquery-project.ts';

describe('BigQuery emulator: statements that change rows', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());
  beforeEach(() =>
    project.rows(`create or replace table d.t (id int64 not null, name string, n numeric, tags array<string>);
      insert into d.t (id, name) values (1, 'a'), (2, 'b'), (3, null);
      create or replace table d.s (id int64, name string, gone bool);
      insert into d.s values (2, 'B', false), (3, 'C', true), (4, 'D', false)`),
  );

  const content = async () =>
    (await project.rows('select id, name from d.t order by id')).map(({ id, name }) => `${id} ${name}`);
  const stats = async (query: string) => {
    const job = await project.finished(query);
    assert.equal(failure(job), undefined);
    const { insertedRowCount, updatedRowCount, deletedRowCount } = job.metadata.statistics.query.dmlStats;
    return [
      job.metadata.statistics.query.statementType,
      insertedRowCount,
      updatedRowCount,
      deletedRowCount,
    ].join(' ');
  };

  it('insert values and queries', async () => {
    assert.equal(await stats('insert into d.t (id, n) values (4, 1.5), (5, null)'), 'INSERT 2 0 0');
    assert.equal(
      await stats('insert d.t (id, name) select id + 10, name from d.s where not gone'),
      'INSERT 2 0 0',
    );
    assert.deepEqual(await content(), ['1 a', '2 b', '3 null', '4 null', '5 null', '12 B', '14 D']);
    assert.deepEqual(await project.rows('select tags from d.t where id = 4'), [{ tags: [] }]);
  });

  it('update and delete', async () => {
    assert.equal(await stats("update d.t set name = concat(name, '!'), n = 2 where id <= 2"), 'UPDATE 0 2 0');
    assert.equal(await stats('delete d.t x where x.id = (select min(id) from d.t)'), 'DELETE 0 0 1');
    assert.deepEqual(await content(), ['2 b!', '3 null']);
    assert.equal(await stats('truncate table d.t'), 'TRUNCATE_TABLE 0 0 2');
    assert.deepEqual(await content(), []);
  });

  it('merge, by the first clause that fits', async () => {
    assert.equal(
      await stats(`merge d.t using (select * from d.s) as s on t.id = s.id
        when matched and s.gone then update set name = 'gone'
        when matched then update set name = s.name
        when not matched and s.id > 100 then insert (id) values (s.id)
        when not matched by target then insert (id, name) values (s.id, concat(s.name, '!'))`),
      'MERGE 1 2 0',
    );
    assert.deepEqual(await content(), ['1 a', '2 B', '3 gone', '4 D!']);
  });

  it('refuse a merge in which two source rows match one target row', async () => {
    await project.rows("insert into d.s values (2, 'again', false)");
    const before = await content();
    const query = 'merge d.t t using d.s s on t.id = s.id when matched then update set name = s.name';
    const { reason, message } = failure(await project.finished(query));
    assert.deepEqual(
      [reason, message],
      ['invalidQuery', 'UPDATE/MERGE must match at most one source row for each target row'],
    );
    assert.deepEqual(await content(), before);
    // Only rows that a clause would change count.
    assert.equal(
      await stats(
        "merge d.t t using d.s s on t.id = s.id when matched and s.name = 'again' then update set name = s.name",
      ),
      'MERGE 0 1 0',
    );
  });

  it('refuse NULL in a required column, and columns that are not there', async () => {
    for (const [query, message] of [
      ['insert into d.t (id) values (null)', /Required field id cannot be null/],
      ['update d.t set id = null where true', /Required field id cannot be null/],
      ['insert into d.t (nothing) values (1)', /Column nothing is not present in table p1:d\.t/],
      ['update d.t set nothing = 1 where true', /Column nothing is not present/],
      ['insert into d.t (id, name) values (1)', /wrong column count/],
      ['update d.t set name = "x"', /must have a WHERE clause/],
      ['merge d.t t using d.s s on t.id = s.id when matched then update set name = s.other', /other/],
    ] as const) {
      assert.match((await rejection(project.rows(query))).message, message);
    }
    assert.deepEqual(await content(), ['1 a', '2 b', '3 null']);
  });

  it('create tables from queries', async () => {
    await project.rows(`create or replace table d.copy cluster by id options (description = 'c') as
      select id, 1 as one, 1.5 as f, (select sum(id) from d.t) as total from d.t`);
    const [metadata] = await project.bigquery.dataset('d').table('copy').getMetadata();
    assert.deepEqual(
      metadata.schema.fields.map(({ name, type }: Record<string, string>) => `${name} ${type}`),
      ['id INTEGER', 'one INTEGER', 'f FLOAT', 'total INTEGER'],
    );
    assert.deepEqual(await project.values('select count(*), max(total) from d.copy'), [3, 6]);
  });

  it('are refused in the forms that the emulator does not have', async () => {
    for (const query of [
      'update d.t set name = s.name from d.s s where t.id = s.id',
      'merge d.t t using d.s s on t.id = s.id when matched then delete',
      'merge d.t t using d.s s on t.id = s.id when not matched by source then update set n = 1',
      'merge d.t t using d.s s on t.id = s.id when not matched then insert row',
      'create temp table mine (a int64)',
      'create schema made',
      'drop procedure d.p',
    ]) {
      assert.match((await rejection(project.rows(query))).message, /emulator does not support/, query);
    }
  });
});
