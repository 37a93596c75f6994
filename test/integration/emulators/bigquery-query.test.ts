import assert from 'node:assert/strict';
import { BigQuery } from '@google-cloud/bigquery';
import { openProject, type Project, rejection } from './bigquery-project.ts';

/** Expressions with the values that GoogleSQL's reference gives for them; dates and times as their text. */
const EXPRESSIONS: readonly (readonly [expression: string, value: unknown])[] = [
  [
    "format('%d of %s, %t, %T, %t, %%', 7, 'x', date '2020-01-01', 'q', null)",
    '7 of x, 2020-01-01, "q", NULL, %',
  ],
  ["format('%05d|%.2f|%5s', 42, 1.5, 'ab')", '00042|1.50|   ab'],
  ["format('%T %T', timestamp '2020-01-01', 1.5)", 'TIMESTAMP "2020-01-01 00:00:00+00" 1.5'],
  ['1 / 4', 0.25],
  ['div(7, 2)', 3],
  ['div(-7, 2)', -3],
  ['mod(-7, 3)', -1],
  ['safe_divide(1, 0)', null],
  ['2147483647 + 1', 2_147_483_648],
  ['round(2.5)', 3],
  ['round(-2.5)', -3],
  ['cast(2.5 as int64)', 3],
  ["cast('0x' as string)", '0x'],
  ["safe_cast('1.5' as int64)", null],
  ["safe_cast('2020-02-30' as date)", null],
  ['cast(1.0 as string)', '1'],
  ['cast(true as string)', 'true'],
  ["cast(timestamp '2020-01-01 00:00:00.12' as string)", '2020-01-01 00:00:00.120+00'],
  ["cast(numeric '1.50' as string)", '1.5'],
  ["cast(b'ab' as string)", 'ab'],
  ["to_hex(md5('a'))", '0cc175b9c0f1b6a831c399e269772661'],
  ["to_hex(sha256('a'))", 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
  ["to_base64(b'\\x00\\xff')", 'AP8='],
  ["length('ä')", 1],
  ["byte_length('ä')", 2],
  ["concat('a', null)", null],
  ["'a' || 'b'", 'ab'],
  ["substr('abcdef', 2, 3)", 'bcd'],
  ["split('a,b,c', ',')[offset(1)]", 'b'],
  ["split('a,b')[safe_offset(5)]", null],
  ["regexp_contains('abc1', r'\\d$')", true],
  ["regexp_contains('abc1', r'^\\d')", false],
  ["regexp_replace('a1b22', r'\\d+', '#')", 'a#b#'],
  ["regexp_extract('key=value', r'key=(\\w+)')", 'value'],
  ["regexp_extract('abc', r'x')", null],
  ["lpad('7', 3, '0')", '007'],
  ["replace('aba', 'a', 'c')", 'cbc'],
  ["strpos('abc', 'c')", 3],
  ["starts_with('abc', 'ab')", true],
  ['greatest(1, null)', null],
  ['greatest(coalesce(null, 1), 3)', 3],
  ['ifnull(null, 5)', 5],
  ['nullif(5, 5)', null],
  ["if(1 > 2, 'a', 'b')", 'b'],
  ["case 2 when 1 then 'one' when 2 then 'two' end", 'two'],
  ['2 in unnest([1, 2])', true],
  ['3 not in (1, 2)', true],
  ['null is not distinct from null', true],
  ["'abc' like 'a%'", true],
  ["date_sub(date '2024-02-29', interval 1 year)", '2023-02-28'],
  ["date_add(date '2024-01-31', interval 1 month)", '2024-02-29'],
  ["date_trunc(date '2024-05-17', month)", '2024-05-01'],
  ["date_trunc(date '2024-05-17', week)", '2024-05-12'],
  ["date_diff(date '2024-03-01', date '2024-02-01', day)", 29],
  ["date(timestamp '2024-01-01 23:30:00+00', 'Asia/Bangkok')", '2024-01-02'],
  ["timestamp_diff(timestamp '2024-01-02', timestamp '2024-01-01', hour)", 24],
  ["timestamp_trunc(timestamp '2024-01-02 03:04:05', hour)", '2024-01-02T03:00:00.000Z'],
  ["timestamp_sub(timestamp '2024-01-01', interval 90 minute)", '2023-12-31T22:30:00.000Z'],
  ['timestamp_micros(1)', '1970-01-01T00:00:00.000001000Z'],
  ["unix_micros(timestamp '1970-01-01 00:00:01')", 1_000_000],
  ["unix_seconds(timestamp '1969-12-31 23:59:59.5')", -1],
  ["extract(year from date '2024-05-17')", 2024],
  ["extract(dayofweek from date '2024-05-12')", 1],
  ["parse_timestamp('%Y-%m-%d %H:%M', '2024-05-17 08:09')", '2024-05-17T08:09:00.000Z'],
  ["format_date('%Y%m%d', date '2024-05-17')", '20240517'],
  ["datetime(timestamp '2024-05-17 08:09:00')", '2024-05-17T08:09:00'],
  ['json_value(parse_json(\'{"a":{"b":"x"}}\'), \'$.a.b\')', 'x'],
  ["json_value('{\"a\":[1]}', '$.a')", null],
  ["to_json_string(struct(1 as a, 'x\"' as b, [1, 2] as c))", '{"a":1,"b":"x\\"","c":[1,2]}'],
  ["to_json_string(timestamp '2020-01-01 00:00:00')", '"2020-01-01T00:00:00Z"'],
  ['array_length(generate_array(1, 5))', 5],
  ["array_to_string(['a', 'b'], '-')", 'a-b'],
  ['(select string_agg(cast(x as string), ", " order by x desc limit 2) from unnest([1, 3, 2]) x)', '3, 2'],
  ['(select string_agg(distinct s) from unnest(["a", "a"]) s)', 'a'],
  ['(select countif(x > 1) from unnest([1, 2, 3]) x)', 2],
  ['(select countif(x > 1) from unnest(cast([] as array<int64>)) x)', 0],
  ['(select sum(x) from unnest([9000000000000000000, -1]) x) = 8999999999999999999', true],
  ['(select bit_xor(x) from unnest([1, 2, 4]) x)', 7],
  ['(select logical_or(x) from unnest([true, null, false]) x)', true],
  ['(select max_by(x, -x) from unnest([1, 2]) x)', 1],
  ['array(select x * 2 from unnest([1, 2]) x order by 1 desc)[offset(0)]', 4],
  ['struct(1 as a, 2 as b).b', 2],
  ['[struct(1 as a), struct(2)][ordinal(2)].a', 2],
  ["cast('123456789012345678901234567890.5' as bignumeric) > cast('-1' as bignumeric)", true],
  ["interval 1 day + date '2024-01-01' > '2024-01-01'", true],
];

describe('BigQuery stand-in: queries', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
    await project.rows(`create table d.people (id int64, name string, team string, born date);
      insert d.people (id, name, team, born) values (1, 'Ann', 'a', '1990-05-01'), (2, 'Bob', 'a', null), (3, 'Cy', null, '2000-01-01');
      create table d.teams (team string, lead int64); insert into d.teams values ('a', 1), ('b', null)`);
  });
  after(() => project.close());

  const plain = (value: unknown): unknown =>
    value !== null && typeof value === 'object' && 'value' in value ? value.value : value;

  for (const [expression, expected] of EXPRESSIONS) {
    it(`know that ${expression} is ${JSON.stringify(expected)}`, async () => {
      const [value] = await project.values(`select ${expression} as value`);
      assert.deepEqual(plain(value), expected);
    });
  }

  it('write every type as BigQuery does', async () => {
    const [job] = await project.bigquery.createQueryJob({
      query: `select 9223372036854775807 as i, 1.0 as f, cast('NaN' as float64) as nan, numeric '-0.000000001' as n, true as b,
        b'\\xff' as y, date '0001-01-01' as d, datetime '2020-01-01 01:02:03.5' as dt, time '01:02:03' as t,
        timestamp '2020-01-01 00:00:00.000001' as ts, parse_json('{"a": 1}') as j, [1, 2] as a,
        struct('x' as p, [struct(1 as q)] as r) as s, cast(null as string) as nothing, 5`,
    });
    const [, , response] = await job.getQueryResults({ autoPaginate: false, skipParsing: true });
    const { schema, rows } = response as {
      schema: { fields: { name: string; type: string; mode: string }[] };
      rows: { f: { v: unknown }[] }[];
    };
    assert.deepEqual(
      schema.fields
        .map(({ name, type, mode }) => `${name} ${type}${mode === 'REPEATED' ? '[]' : ''}`)
        .join(', '),
      'i INTEGER, f FLOAT, nan FLOAT, n NUMERIC, b BOOLEAN, y BYTES, d DATE, dt DATETIME, t TIME, ts TIMESTAMP, j JSON, a INTEGER[], s RECORD, nothing STRING, f14_ INTEGER',
    );
    assert.deepEqual(
      rows[0]?.f.map(({ v }) => v),
      [
        '9223372036854775807',
        '1.0',
        'NaN',
        '-0.000000001',
        'true',
        '/w==',
        '0001-01-01',
        '2020-01-01T01:02:03.500000',
        '01:02:03',
        '1577836800000001',
        '{"a":1}',
        [{ v: '1' }, { v: '2' }],
        { f: [{ v: 'x' }, { v: [{ v: { f: [{ v: '1' }] } }] }] },
        null,
        '5',
      ],
    );
  });

  it('take parameters of every type, by name and by position', async () => {
    assert.deepEqual(
      (
        await project.values('select @i, @s, @b, @d, @ts, @a, @f, @r', {
          i: 5,
          s: "it's",
          b: true,
          d: BigQuery.date('2020-02-29'),
          ts: BigQuery.timestamp('2020-01-01T00:00:00.5Z'),
          a: ['x', 'y'],
          f: 1.5,
          r: { k: 1 },
        })
      ).map(plain),
      [5, "it's", true, '2020-02-29', '2020-01-01T00:00:00.500Z', ['x', 'y'], 1.5, { k: 1 }],
    );
    assert.deepEqual(await project.values('select ?, ? + 1', ['a', 2]), ['a', 3]);
    assert.deepEqual(
      await project.rows('select name from d.people where id in unnest(@ids) order by 1', { ids: [1, 3] }),
      [{ name: 'Ann' }, { name: 'Cy' }],
    );
    assert.match(
      (await rejection(project.rows('select @missing'))).message,
      /Query parameter 'missing' not found/,
    );
  });

  it('join, group, order with NULL first, and window', async () => {
    assert.deepEqual(
      await project.rows(`select t.team, count(p.id) n, min(p.name) first, array_agg(p.id ignore nulls order by p.id desc limit 1) last
        from d.teams t left join d.people p using (team) group by t.team having n >= 0 order by t.team`),
      [
        { team: 'a', n: 2, first: 'Ann', last: [2] },
        { team: 'b', n: 0, first: null, last: [] },
      ],
    );
    assert.deepEqual(await project.rows('select team from d.people group by 1 order by team'), [
      { team: null },
      { team: 'a' },
    ]);
    assert.deepEqual(await project.rows('select born from d.people order by born desc limit 1 offset 2'), [
      { born: null },
    ]);
    assert.deepEqual(
      await project.rows(`select name, row_number() over (partition by team order by id desc) as place,
        lag(name) over (order by id) as before from d.people where true qualify place = 1 order by name`),
      [
        { name: 'Bob', place: 1, before: 'Ann' },
        { name: 'Cy', place: 1, before: 'Bob' },
      ],
    );
  });

  it('name tables in every way that BigQuery knows', async () => {
    for (const name of [
      '`p1.d.people`',
      '`p1`.`d`.`people`',
      '`p1`.d.people',
      'p1.d.people',
      '`d.people`',
      'd.people',
      '`p1.d`.people',
    ]) {
      assert.deepEqual(await project.values(`select count(*) from ${name} where people.id > 0`), [3], name);
    }
    const [job] = await project.bigquery.createQueryJob({
      query: 'select count(*) as n from people',
      defaultDataset: { projectId: 'p1', datasetId: 'd' },
    });
    assert.deepEqual((await job.getQueryResults())[0], [{ n: 3 }]);
  });

  it('pick, leave out and replace columns, and read rows as structs', async () => {
    assert.deepEqual(
      await project.rows('select * except (team, born) replace (id + 1 as id) from d.people where id = 1'),
      [{ id: 2, name: 'Ann' }],
    );
    assert.deepEqual(await project.rows("select as struct p.id, 'x' as y from d.people p where id = 3"), [
      { id: 3, y: 'x' },
    ]);
    assert.deepEqual(
      await project.values('select to_json_string(t) from (select id, name from d.people) t where id = 2'),
      ['{"id":2,"name":"Bob"}'],
    );
    assert.deepEqual(
      await project.rows("select * from unnest([struct(1 as k, 'a' as v), struct(2, 'b')]) order by k"),
      [
        { k: 1, v: 'a' },
        { k: 2, v: 'b' },
      ],
    );
    assert.deepEqual(
      await project.rows("select x, at from unnest(['a', 'b']) as x with offset as at where at > 0"),
      [{ x: 'b', at: 1 }],
    );
  });

  it('combine queries', async () => {
    assert.deepEqual(
      await project.rows(`with young as (select id from d.people where born > '1995-01-01'), numbers as (select 1 as id union all select 9)
        select id from young union distinct select id from numbers except distinct select 9 order by id desc`),
      [{ id: 3 }, { id: 1 }],
    );
    assert.deepEqual(
      await project.rows(
        'select id, exists (select 1 from d.teams t where t.lead = p.id) leads from d.people p order by id',
      ),
      [
        { id: 1, leads: true },
        { id: 2, leads: false },
        { id: 3, leads: false },
      ],
    );
  });

  it('read a view through its own eyes', async () => {
    await project.rows(`create or replace view d.named as select p.id, p.name from d.people p where id < 3;
      create or replace view d.twice as select name from d.named`);
    assert.deepEqual(
      await project.rows('declare id int64 default 1; select name from d.twice order by name'),
      [{ name: 'Ann' }, { name: 'Bob' }],
    );
    assert.match(
      (await rejection(project.rows('create view d.bad as select nothing from d.people'))).message,
      /Unrecognized name: nothing/,
    );
  });

  it('know the tables and columns of a dataset', async () => {
    assert.deepEqual(
      await project.rows(`select table_name, column_name, data_type from d.INFORMATION_SCHEMA.COLUMNS
        where table_name = 'teams' order by ordinal_position`),
      [
        { table_name: 'teams', column_name: 'team', data_type: 'STRING' },
        { table_name: 'teams', column_name: 'lead', data_type: 'INT64' },
      ],
    );
    assert.deepEqual(
      await project.rows(
        "select table_type from `p1.d.INFORMATION_SCHEMA.TABLES` where table_name = 'people'",
      ),
      [{ table_type: 'BASE TABLE' }],
    );
  });

  it('see one time in a statement, and another one in the next', async () => {
    assert.deepEqual(await project.values('select current_timestamp() = current_timestamp()'), [true]);
    assert.deepEqual(
      await project.values(`declare before timestamp default current_timestamp(); begin transaction;
        select count(*) from d.people; select current_timestamp() > before`),
      [true],
    );
  });

  it('are refused rather than guessed', async () => {
    for (const query of [
      "select farm_fingerprint('x')",
      'select * from d.people tablesample system (10 percent)',
      'select any_value(name having max id) from d.people',
      'select * from d.people for system_time as of current_timestamp()',
      'select approx_quantiles(id, 2) from d.people',
      'select format(name, 1) from d.people',
      "select to_json_string(struct(timestamp '2020-01-01' as t))",
      'select 1 union select 2',
      'create model d.m as select 1',
      'create table d.sized (s string(10))',
    ]) {
      const refused = await rejection(project.rows(query));
      assert.deepEqual([refused.code, refused.reason], [400, 'invalidQuery'], query);
    }
  });
});
