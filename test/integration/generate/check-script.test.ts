import assert from 'node:assert/strict';
import { type Checked, checkScript } from '../../tools/check-script.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';
import { SqlObjects } from '../../tools/sql-objects.ts';
import { scalarType } from '../../tools/sql-type.ts';

const TABLES = `
create table \`p-1.D.t\` (k int64 not null, name string, day date, n numeric, tags array<string>, primary key (k) not enforced);
create table D.parent (id int64, primary key (id) not enforced);
create or replace view D.v as select k as v_key, upper(name) as big from D.t;
`;

const FAULTS: readonly { what: string; sql: string; fault: string }[] = [
  {
    what: 'a misspelt column of a query',
    sql: 'select k,\n  nam from `p-1.D.t`',
    fault: '2:3 Unrecognized name: nam; Did you mean name?',
  },
  {
    what: 'a misspelt column of a view',
    sql: 'select big, v_kez from `p-1`.D.v',
    fault: '1:13 Unrecognized name: v_kez; Did you mean v_key?',
  },
  {
    what: 'a misspelt column that is inserted',
    sql: 'insert into D.t (k, naem) values (1, "a")',
    fault: '1:21 Column naem is not present in table t',
  },
  {
    what: 'a misspelt column that a merge changes',
    sql: 'merge D.t t using D.parent p on t.k = p.id when matched then update set nam = "a"',
    fault: '1:73 Unrecognized name: nam; Did you mean name?',
  },
  {
    what: 'a misspelt column of a layout',
    sql: 'create table D.new (day date)\npartition by dya',
    fault: '2:14 Unrecognized name: dya',
  },
  {
    what: 'a misspelt column of a foreign key',
    sql: 'alter table D.t add foreign key (k) references D.parent (di) not enforced',
    fault: '1:58 Column name di not found in parent',
  },
  { what: 'an unknown table', sql: 'truncate table D.tt', fault: '1:16 Table not found: D.tt' },
  {
    what: 'a value of another type',
    sql: 'update D.t set day = 7 where true',
    fault: '1:22 Value of type INT64 cannot be assigned to day, which has type DATE',
  },
  {
    what: 'a function with arguments of other types',
    sql: 'select date_trunc(name, month) from D.t',
    fault: '1:8 No matching signature for function DATE_TRUNC for argument types: STRING, DATE_TIME_PART.',
  },
  { what: 'an unknown parameter', sql: 'select @batch', fault: "1:8 Query parameter 'batch' not found" },
  {
    what: 'an unknown option',
    sql: 'alter table D.t set options (stalenes = 1)',
    fault: '1:30 Unknown option: stalenes',
  },
  {
    what: 'a column that the script has dropped',
    sql: 'alter table D.t drop column name; select name from D.t',
    fault: '1:42 Unrecognized name: name',
  },
  {
    what: 'a table that the script has renamed',
    sql: 'alter table D.t rename to t2; select name from D.t2; select name from D.t',
    fault: '1:71 Table not found: D.t',
  },
  {
    what: 'a call with arguments of other types',
    sql: 'create procedure D.p(a int64) begin end; call D.p(1); call D.p("a");',
    fault: '1:60 No matching signature for procedure D.p',
  },
  {
    what: 'a misspelt column in the body of a procedure',
    sql: 'create procedure D.p(a int64)\nbegin\n  if a > 0 then\n    delete from D.t where kk = a;\n  end if;\nend',
    fault: '4:27 Unrecognized name: kk',
  },
  {
    what: 'a query parameter in the body of a procedure',
    sql: 'create procedure D.p() begin select @batch_id; end',
    fault: "1:37 Query parameter is not allowed in the body of procedure 'D.p': @batch_id",
  },
  { what: 'an undeclared variable', sql: 'set v_x = 1', fault: '1:1 Undeclared variable: v_x' },
  {
    what: 'a variable after its block',
    sql: 'begin declare v_x int64; set v_x = 1; end; select v_x;',
    fault: '1:51 Unrecognized name: v_x',
  },
  {
    what: 'a variable of the block in its handler',
    sql: 'begin declare v_x int64; select v_x; exception when error then select v_x; end',
    fault: '1:71 Unrecognized name: v_x',
  },
  {
    what: 'a DECLARE after other statements',
    sql: 'select 1; declare v_x int64;',
    fault: '1:11 DECLARE must come before the other statements of its block',
  },
  {
    what: 'a default of another type',
    sql: 'declare v_x date default 7',
    fault: '1:26 Query column 1 has type INT64 which cannot be coerced to target type DATE',
  },
  {
    what: 'a variable that gets a value of another type',
    sql: 'declare v_x int64; set v_x = (select max(name) from D.t)',
    fault: '1:30 Query column 1 has type STRING which cannot be coerced to target type INT64',
  },
  {
    what: 'variables that get too few values',
    sql: 'declare v_a, v_b int64; set (v_a, v_b) = (select as struct max(k) from D.t)',
    fault:
      '1:42 Query column 1 has type STRUCT<INT64> which cannot be coerced to target type STRUCT<INT64, INT64>',
  },
  {
    what: 'a condition that is none',
    sql: 'if 1 then select 1; elseif true then select 1; end if',
    fault: '1:4 Query column 1 has type INT64 which cannot be coerced to target type BOOL',
  },
  {
    what: 'a misspelt column in a condition',
    sql: 'while (select max(kk) from D.t) > 0 do select 1; end while',
    fault: '1:19 Unrecognized name: kk',
  },
  {
    what: 'a misspelt column in a loop',
    sql: 'loop select kk from D.t; break; end loop',
    fault: '1:13 Unrecognized name: kk',
  },
  {
    what: 'a misspelt column in ELSE',
    sql: 'if false then select 1; else select kk from D.t; end if',
    fault: '1:37 Unrecognized name: kk',
  },
  {
    what: 'the condition of UNTIL that is none',
    sql: 'repeat select 1; until 2 end repeat',
    fault: '1:24 Query column 1 has type INT64 which cannot be coerced to target type BOOL',
  },
  {
    what: 'a misspelt column of a row of FOR',
    sql: 'for r in (select k, name from D.t) do select r.k, r.nam; end for',
    fault: '1:53 Field name nam does not exist in STRUCT<k INT64, name STRING>',
  },
  {
    what: 'a message that is no text',
    sql: 'begin select 1; exception when error then raise using message = 1; end',
    fault: '1:65 Query column 1 has type INT64 which cannot be coerced to target type STRING',
  },
  {
    what: 'the error of a handler outside of it',
    sql: 'begin select 1; exception when error then select @@error.message; end; select @@error.message',
    fault: '1:79 Unrecognized name: @@error',
  },
  {
    what: 'a misspelt column in the text of EXECUTE IMMEDIATE',
    sql: "execute immediate 'select kk from D.t where k = @a' using 1 as a",
    fault: '1:1 in the text of EXECUTE IMMEDIATE: 1:8 Unrecognized name: kk',
  },
  {
    what: 'a text of EXECUTE IMMEDIATE that is not constant',
    sql: "execute immediate concat('select ', 'k')",
    fault: '1:1 the text of EXECUTE IMMEDIATE is not constant',
  },
  { what: 'a syntax error', sql: 'select\nfrom', fault: '2:1 Syntax error' },
];

describe('the analysis of a script', () => {
  const resources = new AsyncDisposableStack();
  let googleSql: GoogleSql;

  before(async () => {
    googleSql = resources.use(await startGoogleSql());
  });

  after(() => resources.disposeAsync());

  async function check(sql: string): Promise<Checked> {
    const objects = new SqlObjects({ projectId: 'p-1' });
    const tables = await checkScript(googleSql, { sql: TABLES }, objects);
    assert.deepEqual(tables, { statements: 3, faults: [] });
    const parameters = [{ name: 'batch_id', type: scalarType('INT64') }];
    return await checkScript(googleSql, { sql, parameters }, objects);
  }

  for (const { what, sql, fault } of FAULTS) {
    it(`refuses ${what}`, async () => {
      const { faults } = await check(sql);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.ok(faults[0]?.startsWith(fault), faults[0]);
    });
  }

  it('names every refused statement of a script, with its place in it', async () => {
    const { statements, faults } = await check("select a;\nselect 1;\n  select 'é', b from D.t;");
    assert.equal(statements, 3);
    assert.deepEqual(
      faults.map((fault) => fault.split(' ')[0]),
      ['1:8', '3:15'],
    );
  });

  it('prefers a column to a variable of its name, as BigQuery does', async () => {
    const column = await check('declare k string; select k + 1 from D.t');
    assert.deepEqual(column, { statements: 2, faults: [] });
    const variable = await check('declare k string; select k + 1');
    assert.equal(variable.faults.length, 1);
  });

  it('accepts what BigQuery has and other products of Google may lack', async () => {
    const { faults } = await check(`
      declare v_days array<date>;
      declare v_first default current_date();
      create table if not exists D.new (k int64, j json, i interval, b bignumeric(40, 2), f float64)
        partition by range_bucket(k, generate_array(0, 9, 1)) cluster by k options (max_staleness = interval 15 minute);
      alter table D.new add column if not exists note string, alter column k set data type numeric;
      insert into D.new (k, note) select n, name from D.t where day in unnest(v_days) or day = v_first;
      set v_days = (select array_agg(distinct day ignore nulls) from D.t for system_time as of timestamp '2026-01-01 00:00:00 UTC');
      delete from D.t where k = @batch_id;
      if @@row_count > 0 then
        raise using message = format('%d %t', @@row_count, v_days);
      end if;
      select to_json_string(t), bit_xor(k), json_value(to_json_string(tags), '$[0]') from D.t t group by 1, 3;
      alter schema D set options (default_partition_expiration_days = null);
    `);
    assert.deepEqual(faults, []);
  });
});
