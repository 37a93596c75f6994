import assert from 'node:assert/strict';
import { BigQuery } from '@google-cloud/bigquery';
import { ended, failure, LOCATION, openProject, type Project, rejection } from './bigquery-project.ts';

describe('BigQuery emulator: scripts', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  it('declares, sets and compares variables of many types', async () => {
    const [row] = await project.rows(
      `
      declare a, b int64 default 2;
      declare c string;
      declare e default date '2020-02-29';
      declare f numeric default 1.5;
      set a = a * 3000000000;
      set (b, c) = (select as struct 7, 'seven');
      set e = date_sub(e, interval 1 year);
      select a, b, c, e, f`,
    );
    assert.deepEqual([row?.a, row?.b, row?.c, row?.f?.toString()], [6_000_000_000, 7, 'seven', '1.5']);
    assert.deepEqual(row?.e, BigQuery.date('2019-02-28'));
  });

  it('sets several variables from one row, and to NULL when there is none', async () => {
    await project.rows('create table d.three (x int64); insert into d.three values (3), (1), (2)');
    assert.deepEqual(
      await project.values(`declare n, low, high int64 default -1; declare t string default 'x';
        set (n, low, high) = (select as struct count(*), min(x), max(x) from d.three);
        set (t) = (select as struct 'y' from d.three where false);
        select n, low, high, t`),
      [3, 1, 3, null],
    );
    assert.match(
      (await rejection(project.rows('declare a int64; set a = (select x from d.three); select a'))).message,
      /more than one|More than one/,
    );
  });

  it('lets a column win over a variable of its name, where the column can be seen', async () => {
    await project.rows(
      'create table d.columns (batch int64, other int64); insert into d.columns values (1, 10), (2, 20)',
    );
    const script = (query: string) => `declare batch, v int64 default 2; ${query}`;
    assert.deepEqual(await project.values(script('select count(*) from d.columns where batch = batch')), [2]);
    assert.deepEqual(await project.values(script('select count(*) from d.columns c where c.batch = v')), [1]);
    // The derived table does not see the columns of its neighbour.
    assert.deepEqual(
      await project.rows(
        script('select s.x, c.other from d.columns c join (select batch as x) s on s.x = c.batch'),
      ),
      [{ x: 2, other: 20 }],
    );
    assert.deepEqual(
      await project.values(
        script('select (select max(other) from d.columns where batch <= v) from (select 1 as one)'),
      ),
      [20],
    );
    assert.deepEqual(await project.values(script('with q as (select 5 as batch) select batch from q')), [5]);
  });

  it('branches and loops', async () => {
    assert.deepEqual(
      await project.values(`
        declare i, sum int64 default 0;
        while i < 5 do
          set i = i + 1;
          if i = 3 then set sum = sum + 100; elseif i > 4 then set sum = sum + 1000; else set sum = sum + i; end if;
        end while;
        if sum is null then select 'null'; else select sum, i, case when i > 1 then 'big' end as size; end if`),
      [1 + 2 + 100 + 4 + 1000, 5, 'big'],
    );
  });

  it('answers the rows of its last statement only', async () => {
    assert.deepEqual(await project.rows('select 1 as a; select 2 as b'), [{ b: 2 }]);
    assert.deepEqual(
      await project.rows('create table d.last (a int64); select 1; truncate table d.last'),
      [],
    );
  });

  it('catches errors, tells them, and raises them again', async () => {
    assert.deepEqual(
      await project.values(`begin select 1 / 0; exception when error then
        select @@error.message as m, @@error.statement_text as s; end`),
      ['division by zero: 1 / 0', 'select 1 / 0'],
    );
    assert.deepEqual(
      await project.values(`declare m string default 'none';
        begin
          begin raise using message = 'inner'; exception when error then set m = @@error.message; raise; end;
        exception when error then select concat(m, '/', @@error.message) as both; end`),
      ['inner/inner'],
    );
    const again = await rejection(
      project.rows('begin select * from d.none; exception when error then raise; end'),
    );
    assert.deepEqual(
      [again.reason, again.message.includes('none')],
      ['invalidQuery', true],
      'its reason was notFound',
    );
    const uncaught = await rejection(
      project.rows("select 1;\n  raise using message = format('code %d of %s', 7, 'x')"),
    );
    assert.deepEqual(
      [uncaught.code, uncaught.reason, uncaught.message],
      [400, 'invalidQuery', 'Query error: code 7 of x at [2:3]'],
    );
    assert.match(
      (await rejection(project.rows('begin raise; end'))).message,
      /outside of an exception handler/,
    );
  });

  it('tells the place of an error inside a procedure', async () => {
    await project.rows(
      "create procedure d.raises(x int64)\nbegin\n  if x > 1 then\n    raise using message = 'deep';\n  end if;\nend",
    );
    const { message } = await rejection(project.rows('call d.raises(2)'));
    assert.equal(message, 'Query error: deep at [d.raises:3:5]');
    await project.rows('call d.raises(1)');
  });

  it('passes arguments, and refuses calls that do not fit', async () => {
    await project.rows(`create or replace procedure d.twice(n int64, word string)
      begin select n * 2 as doubled, concat(word, '!') as word; end`);
    assert.deepEqual(await project.values("call d.twice(20 + 1, 'hi')"), [42, 'hi!']);
    assert.match((await rejection(project.rows('call d.twice(1)'))).message, /takes 2 argument/);
    assert.equal((await rejection(project.rows('call d.none()'))).reason, 'notFound');
  });

  it('refuses the statements that the emulator does not have', async () => {
    for (const text of [
      'loop select 1; end loop',
      "assert 1 > 2 as 'no'",
      "execute immediate 'select 1'",
      'create procedure d.out(out x int64) begin set x = 1; end',
    ]) {
      assert.match(
        (await rejection(project.rows(text))).message,
        /emulator does not support|Syntax error/,
        text,
      );
    }
  });

  it('counts rows and knows them afterwards', async () => {
    assert.deepEqual(
      await project.values(
        `create table d.counted (a int64); insert into d.counted values (1), (2); select @@row_count as n`,
      ),
      [2],
    );
  });

  it('reads every way to write a string', async () => {
    assert.deepEqual(
      await project.values(
        String.raw`select 'it\'s', "dq \"x\"", r'\d+\'', '''a 'b' "c"
line''', """x""", 'é\u00e9\x41\n', /* comment ; */ '-- no comment', '@p;' -- end;
        # another ; comment
        `,
      ),
      ["it's", 'dq "x"', String.raw`\d+\'`, `a 'b' "c"\nline`, 'x', 'ééA\n', '-- no comment', '@p;'],
    );
  });

  it('gives each statement of a script a child job with its statistics', async () => {
    await project.rows('create or replace table d.children (a int64)');
    const job =
      await project.finished(`insert into d.children values (1), (2); update d.children set a = 3 where a = 1;
      delete from d.children where a = 2; select count(*) from d.children`);
    assert.deepEqual(
      [job.metadata.statistics.query.statementType, job.metadata.statistics.numChildJobs],
      ['SCRIPT', '4'],
    );
    const [children] = await project.bigquery.getJobs({ parentJobId: job.id ?? '' });
    const told = children.reverse().map(({ metadata: { statistics } }) => {
      const { statementType, dmlStats } = statistics.query;
      const { insertedRowCount, updatedRowCount, deletedRowCount } = dmlStats ?? {};
      return [statementType, insertedRowCount, updatedRowCount, deletedRowCount].join(' ');
    });
    assert.deepEqual(told.slice(0, 3), ['INSERT 2 0 0', 'UPDATE 0 1 0', 'DELETE 0 0 1']);
    assert.equal(children[0]?.metadata.statistics.parentJobId, job.id);
    assert.match(told[3] ?? '', /^SELECT/);
  });

  it('refuses a text that is no script, with the place of the fault', async () => {
    for (const [text, message] of [
      ['select 1; if true then select 2', /Syntax error: .* at \[1:32\]/],
      ["select 'open", /Unclosed string literal at \[1:8\]/],
      ['selec 1', /SELEC/],
      ['begin select 1', /Syntax error/],
      ['select 1 +', /Syntax error|syntax error/],
      ['declare x', /Syntax error/],
    ] as const) {
      const refused = await rejection(project.rows(text));
      assert.equal(refused.reason, 'invalidQuery', text);
      assert.match(refused.message, message);
    }
  });
});

describe('BigQuery emulator: transactions', () => {
  let project: Project;
  beforeEach(async () => {
    project = await openProject();
    await project.rows(
      'create table d.t (a int64, b string); insert into d.t values (1, "x"), (2, "y"), (3, "z")',
    );
  });
  afterEach(() => project.close());

  const content = () => project.rows('select * from d.t order by a');

  it('leave nothing behind when they are rolled back, fail, or are never committed', async () => {
    const before = await content();
    await project.rows(`begin transaction; insert into d.t values (4, 'w'); update d.t set b = '' where true;
      truncate table d.t; rollback transaction`);
    assert.deepEqual(await content(), before);
    await rejection(
      project.rows(
        "begin transaction; delete from d.t where a = 1; select error('stop'); commit transaction",
      ),
    );
    assert.deepEqual(await content(), before);
    await project.rows('begin; delete from d.t where true');
    assert.deepEqual(await content(), before);
  });

  /** A script that waits, inside of its transaction, for a table that the test creates. */
  const untilGate = `while (select count(*) from d.INFORMATION_SCHEMA.TABLES where table_name = 'gate') = 0 do
    select 'waiting'; end while;`;
  const openGate = () => project.rows('create table d.gate (a int64)');
  const start = async (query: string) =>
    (await project.bigquery.createQueryJob({ query, location: LOCATION }))[0];

  it('are seen by others only when they are committed', async () => {
    const job = await start(
      `begin transaction; insert into d.t values (4, 'w'); ${untilGate} commit transaction`,
    );
    const inserted = async () =>
      (await project.bigquery.getJobs({ parentJobId: job.id ?? '' }))[0].length > 1;
    while (!(await inserted()));
    assert.equal((await content()).length, 3);
    await openGate();
    await ended(job);
    assert.equal((await content()).length, 4);
  });

  it('refuse DDL', async () => {
    for (const ddl of [
      'create table d.no (a int64)',
      'drop table d.t',
      'create procedure d.no() begin select 1; end',
    ]) {
      const { message } = await rejection(project.rows(`begin transaction; ${ddl}; commit transaction`));
      assert.match(message, /not supported inside a transaction/, ddl);
    }
    assert.equal((await rejection(project.rows('commit transaction; select 1'))).reason, 'invalidQuery');
    assert.match((await rejection(project.rows('begin transaction; begin transaction'))).message, /already/);
  });

  it('end one of two that change the same table', async () => {
    const change = "begin transaction; update d.t set b = 'changed' where a = 1;";
    const first = await start(`${change} ${untilGate} commit transaction`);
    const updated = async () =>
      (await project.bigquery.getJobs({ parentJobId: first.id ?? '' }))[0].length > 1;
    while (!(await updated()));
    const second = await rejection(project.rows(`${change} commit transaction`));
    assert.deepEqual([second.code, second.reason], [400, 'invalidQuery']);
    assert.match(
      second.message,
      /^Query error: Transaction is aborted due to concurrent update against table p1:d\.t\. Transaction ID: .* at \[1:20\]$/,
    );
    // It was rolled back, so that a handler finds no transaction that it could end.
    const handled = `begin ${change} commit transaction; exception when error then rollback transaction; end`;
    assert.match((await rejection(project.rows(handled))).message, /There is no active transaction/);
    await openGate();
    await ended(first);
    assert.equal(failure(first), undefined);
    assert.equal((await content())[0]?.b, 'changed');
    await project.rows(`${change} commit transaction`);
  });

  it('let statements of their own wait for each other instead', async () => {
    const jobs = await Promise.all(
      [1, 2, 3, 4, 5].map(() => project.finished('update d.t set a = a + 10 where true')),
    );
    assert.deepEqual(
      jobs.flatMap((job) => failure(job) ?? []),
      [],
    );
    assert.deepEqual(
      (await content()).map(({ a }) => a),
      [51, 52, 53],
    );
  });
});
