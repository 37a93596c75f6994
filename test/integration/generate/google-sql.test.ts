import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GoogleSql, GoogleSqlError, startGoogleSql } from '../../tools/google-sql.ts';
import { parserProgram } from '../../tools/google-sql-server.ts';
import { googleSqlTexts } from '../../tools/google-sql-texts.ts';

const PROCEDURE = `
create or replace procedure \`p1.a.merge_t\`(batch_id int64, batch_rows int64)
begin
  declare staged, newer int64 default 0;
  begin
    begin transaction;
    set (staged, newer) = (select as struct count(*), max(s.n) from \`p1.a.s\` s where s.n = batch_id);
    if staged < batch_rows then
      raise using message = format('%d of %d rows', staged, batch_rows);
    end if;
    merge \`p1.a.t\` t
    using (select * from \`p1.a.s\` where n = batch_id) s
    on t.k = s.k and t.k between 1 and 9
    when matched and s.action = 'deleted' and coalesce(t.n, -1) < batch_id then
      update set is_deleted = true, update_at = current_timestamp(), n = batch_id
    when matched and coalesce(t.n, -1) < batch_id then
      update set v = s.v, is_deleted = false
    when not matched and s.action != 'deleted' then
      insert (k, v) values (s.k, s.v);
    truncate table \`p1.a.s\`;
    commit transaction;
  exception when error then
    rollback transaction;
    raise;
  end;
  select added, changed from \`p1.a.ledger\` where n = batch_id;
end;

call \`p1.a.merge_t\`(@batch_id, @batch_rows);
`;

describe('Google’s own GoogleSQL parser', () => {
  const resources = new AsyncDisposableStack();
  let googleSql: GoogleSql;

  before(async () => {
    googleSql = resources.use(await startGoogleSql());
  });

  after(() => resources.disposeAsync());

  async function refusal(sql: string): Promise<string | undefined> {
    try {
      await googleSql.parse(sql);
      return undefined;
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      return error.message;
    }
  }

  it('accepts a script with a procedure, a transaction and an exception handler', async () => {
    assert.equal(await refusal(PROCEDURE), undefined);
  });

  it('reports line and column of the first error, even inside a procedure', async () => {
    const broken = PROCEDURE.replace('commit transaction', 'comit transaction');
    assert.equal(await refusal(broken), '21:5 Syntax error: Expected keyword END but got identifier "comit"');
  });

  for (const { what, sql, place } of [
    { what: 'a misplaced keyword', sql: 'select 1;\nselect from x', place: '2:8' },
    { what: 'an unclosed name', sql: 'select `a', place: '1:8' },
    { what: 'a missing parenthesis', sql: "select format('%d', 1;", place: '1:22' },
    { what: 'two statements without a semicolon', sql: 'select 1\nselect 2', place: '2:1' },
    { what: 'a statement in another dialect', sql: 'select a::text from t', place: '1:9' },
    { what: 'a table path that BigQuery does not know', sql: 'select * from /a/b', place: '1:15' },
    { what: 'an error after multi-byte characters', sql: "select 'é😀', from from t", place: '1:19' },
  ]) {
    it(`refuses ${what}`, async () => {
      assert.match((await refusal(sql)) ?? 'accepted', new RegExp(`^${place} Syntax error`));
    });
  }

  for (const sql of [
    "create table a.b (k int64 not null, primary key (k) not enforced, foreign key (k) references a.c (k) not enforced) partition by date_trunc(d, month) cluster by k options (labels = [('a', 'b')])",
    'alter table a.b set options (max_staleness = interval 15 minute)',
    'alter table a.b add column if not exists c array<struct<x numeric(10, 2)>>, add primary key (k) not enforced',
    'merge a.t using a.s on t.k = s.k when not matched by source then delete when not matched then insert row',
    'create or replace view `p-1.a.v` as select * except (k) from `p-1`.a.t qualify row_number() over (partition by k) = 1',
    "execute immediate 'select 1' into x using 1 as y; assert x = 1 as 'one'",
    'call a.p(@batch_id, ?); select @@row_count, @@error.message',
  ]) {
    it(`accepts ${sql.slice(0, 70)}…`, async () => {
      assert.equal(await refusal(sql), undefined);
    });
  }

  it('parses many texts concurrently and independently', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `${'\n'.repeat(index)}select from t`);
    const places = (await Promise.all(texts.map(refusal))).map((reason) => reason?.split(' ')[0]);
    assert.deepEqual(
      places,
      texts.map((_, index) => `${index + 1}:8`),
    );
  });

  it('accepts a text whose syntax tree is larger than gRPC’s usual limit', async () => {
    assert.equal(await refusal('select 1 + 1 as one;\n'.repeat(20_000)), undefined);
  });
});

describe('the check of GoogleSQL texts', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'google-sql-test-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('explains how to install the parser when it is missing', () => {
    assert.throws(() => parserProgram(folder, 'linux-x64'), /not installed: run `npm run test:tools`/);
  });

  it('names the supported platforms when the parser has no program for this one', () => {
    assert.throws(
      () => parserProgram(folder, 'win32-x64'),
      /no program for win32-x64, only for darwin-arm64, .*linux-x64/,
    );
  });

  it('finds the files in every folder below sql/bigquery, named by path, in a stable order: tables before what names them', async () => {
    const files = [
      ['sql/bigquery/project/target.sql', 'create table d.t (a int64)'],
      [
        'sql/bigquery/project/procedure.sql',
        'create or replace procedure d.p() begin select a from d.t; end',
      ],
      ['sql/bigquery/queries.sql', 'select a from d.t'],
    ] as const;
    await mkdir(join(folder, 'sql/bigquery/project'), { recursive: true });
    for (const [name, sql] of files.toReversed()) await writeFile(join(folder, name), sql);
    await writeFile(join(folder, 'sql/bigquery/project/notes.md'), 'not SQL');
    const written = (await googleSqlTexts(folder)).filter(({ name }) => name.startsWith('sql/'));
    assert.deepEqual(
      written,
      files.map(([name, sql]) => ({ name, sql, group: 'sql/bigquery' })),
    );
  });

  it('refuses a project without such files, because a check of nothing would pass', async () => {
    await assert.rejects(googleSqlTexts(folder), /no GoogleSQL text found in .*sql\/bigquery/);
  });
});
