import assert from 'node:assert/strict';
import { BigQuery } from '@google-cloud/bigquery';
import { LOCATION, openProject, PROJECT, type Project, rejection } from './bigquery-project.ts';

/** Expressions with the values that GoogleSQL's reference gives for them; dates and times as their text. */
const EXPRESSIONS: readonly (readonly [expression: string, value: unknown])[] = [
  ["format('%d of %s, %t, %t, %%', 7, 'x', date '2020-01-01', null)", '7 of x, 2020-01-01, NULL, %'],
  ['1 / 4', 0.25],
  ['2147483647 + 1', 2_147_483_648],
  ['2147483647 * 2', 4_294_967_294],
  ['cast(2.5 as int64)', 3],
  ["cast('0x' as string)", '0x'],
  ['cast(1.0 as string)', '1'],
  ['cast(true as string)', 'true'],
  ["cast('TRUE' as bool)", true],
  ["cast(timestamp '2020-01-01 00:00:00.12' as string)", '2020-01-01 00:00:00.120+00'],
  ["cast(cast('1.50' as numeric) as string)", '1.5'],
  ["cast(b'ab' as string)", 'ab'],
  ["concat('a', null)", null],
  ["lower('Aä')", 'aä'],
  ["regexp_contains('abc1', r'\\d$')", true],
  ["regexp_contains('abc1', r'^\\d')", false],
  ['greatest(1, null)', null],
  ['greatest(coalesce(null, 1), 3)', 3],
  ["if(1 > 2, 'a', 'b')", 'b'],
  ["case 2 when 1 then 'one' when 2 then 'two' end", 'two'],
  ['3 not in (1, 2)', true],
  ['null is not distinct from null', true],
  ["'abc' like 'a%'", true],
  ['2 between 1 and 3', true],
  ["date_sub(date '2024-02-29', interval 1 year)", '2023-02-28'],
  ["date(timestamp '2024-01-01 23:30:00+00')", '2024-01-01'],
  ['array_length((select max(tags) from d.tagged))', 2],
  ['(select string_agg(cast(id as string), ", " limit 2) from d.people)', '1, 2'],
  ['(select string_agg(team) from d.people)', 'a,a'],
  ['(select countif(id > 1) from d.people)', 2],
  ['(select countif(id > 1) from d.people where false)', 0],
  ["cast(date_trunc(date '2024-02-29', month) as string)", '2024-02-01'],
  [
    "cast(timestamp_sub(timestamp '2024-03-01 00:30:00+00', interval 1 hour) as string)",
    '2024-02-29 23:30:00+00',
  ],
  ["cast(timestamp_trunc(timestamp '2024-02-29 10:30:00+00', hour) as string)", '2024-02-29 10:00:00+00'],
  ["cast(datetime_trunc(datetime '2024-02-29 10:30:00', year) as string)", '2024-01-01 00:00:00'],
  ['1 in unnest((select array_agg(distinct id) from d.people))', true],
  ['7 not in unnest((select array_agg(id ignore nulls) from d.people))', true],
  ['1 in unnest((select array_agg(id) from d.people where false))', false],
  ['ieee_divide(1, 0.0) > 0 and ieee_divide(1, -0.0) < 0', true],
  ['to_json_string((select max(tags) from d.tagged))', '["x","y"]'],
  ['to_json_string(null)', 'null'],
  [`to_json_string(b'a"\\x00')`, '"YSIA"'],
  [`to_json_string([b'a"\\x00', b"',\\\\"])`, '["YSIA","Jyxc"]'],
  [`to_json_string(cast(null as bytes))`, 'null'],
  [`to_json_string(numeric '-1.25')`, '-1.25'],
  [`to_json_string([numeric '0.1', numeric '-2'])`, '[0.1,-2]'],
  [`to_json_string(cast('-1.25' as bignumeric))`, '-1.25'],
  [`to_json_string([cast('0.1' as bignumeric), cast('-2' as bignumeric)])`, '[0.1,-2]'],
  [`to_json_string(cast(null as bignumeric))`, 'null'],
  [`to_json_string(cast('nan' as float64))`, '"NaN"'],
  [`to_json_string([cast('-inf' as float64), 1.5])`, '["-Infinity",1.5]'],
  [`to_json_string(json ' { "b": [1.0, 2, "a  b"], "a":null } ')`, '{"b":[1.0,2,"a  b"],"a":null}'],
  [
    `to_json_string(parse_json('[1.5e3, 0.1, -0.5e1, 18446744073709551615]'))`,
    '[1500.0,0.1,-5.0,18446744073709551615]',
  ],
  [`to_json_string(json 'null')`, 'null'],
  [`json 'null' is null`, false],
  ["to_hex(md5('a'))", '0cc175b9c0f1b6a831c399e269772661'],
  ['to_hex(md5(null))', null],
  ["to_hex(b'\\x00\\xff')", '00ff'],
  ["byte_length('абвгд')", 10],
  ["byte_length(b'\\xff😀')", 5],
  ["substr('apple', 2)", 'pple'],
  ["substr('apple', 2, 2)", 'pp'],
  ["substr('apple', -2)", 'le'],
  ["substr('apple', 1, 123)", 'apple'],
  ["substr('apple', 0, 2)", 'ap'],
  ["substr('apple', -9, 2)", 'ap'],
  ["cast('0x123' as int64)", 291],
  ["cast('-0x123' as int64)", -291],
  ["cast(cast('0x0fffffffffffffff' as int64) as string)", '1152921504606846975'],
  ['mod(25, 12)', 1],
  ['mod(-25, 12)', -1],
  ["unix_date(date '2008-12-25')", 14238],
  ["unix_date(date '0001-01-01')", -719_162],
  ["unix_micros(timestamp '2008-12-25 15:30:00+00')", 1_230_219_000_000_000],
  ["unix_micros(timestamp(datetime '2008-12-25 15:30:00.000001'))", 1_230_219_000_000_001],
  ["time_diff(time '23:59:59.999999', time '00:00:00', microsecond)", 86_399_999_999],
  ["regexp_replace('abc', r'b(.)', r'X\\1')", 'aXc'],
  ["regexp_replace('banana', 'ana', 'x')", 'bxna'],
  ["regexp_replace('1.500', r'(\\.[0-9]*[1-9])0+$|\\.0*$', r'\\1')", '1.5'],
  ["regexp_replace('100', r'(\\.[0-9]*[1-9])0+$|\\.0*$', r'\\1')", '100'],
  ['cast(cast(true as int64) as string)', '1'],
  [
    "cast(cast('-12345678901234567890123456789012345678.5' as bignumeric) as string)",
    '-12345678901234567890123456789012345678.5',
  ],
  ['(select bit_xor(x) from unnest([5678, 1234]) as x)', 4860],
  ["cast('123456789012345678901234567890.5' as bignumeric) > cast('-1' as bignumeric)", true],
];

describe('BigQuery emulator: queries', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
    await project.rows(`create table d.people (id int64, name string, team string, born date);
      insert d.people (id, name, team, born) values (1, 'Ann', 'a', '1990-05-01'), (2, 'Bob', 'a', null), (3, 'Cy', null, '2000-01-01');
      create table d.teams (team string, lead int64); insert into d.teams values ('a', 1), ('b', null);
      create table d.tagged (tags array<string>, doc json, raw bytes)`);
    await project.load('tagged', [
      await project.put('tagged.ndjson', [{ tags: ['x', 'y'], doc: { a: 1 }, raw: '/w==' }]),
    ]);
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
      query: `select 9223372036854775807 as i, 1.0 as f, cast('NaN' as float64) as nan,
        cast('-0.000000001' as numeric) as n, true as b, raw as y, date '0001-01-01' as d,
        datetime '2020-01-01 01:02:03.5' as dt, time '01:02:03' as t,
        timestamp '2020-01-01 00:00:00.000001' as ts, doc as j, tags as a, cast(null as string) as nothing, 5
        from d.tagged`,
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
      'i INTEGER, f FLOAT, nan FLOAT, n NUMERIC, b BOOLEAN, y BYTES, d DATE, dt DATETIME, t TIME, ts TIMESTAMP, j JSON, a STRING[], nothing STRING, f13_ INTEGER',
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
        [{ v: 'x' }, { v: 'y' }],
        null,
        '5',
      ],
    );
  });

  it('write timestamps as seconds, unless the request asks for microseconds', async () => {
    const query = `select timestamp '2023-11-14 22:13:20+00' as a, timestamp '2014-08-19 12:41:35.220123+00' as b,
      timestamp '1970-01-01 00:00:00+00' as c, timestamp '1969-12-31 23:59:59.9999+00' as d, timestamp '0001-01-01 00:00:00+00' as e,
      timestamp '1970-01-02 00:00:00+00' as f, cast(null as timestamp) as g, 'x' as h`;
    const url = `${project.standIn.url}/projects/${PROJECT}/queries`;
    const valuesOf = async (answer: Response): Promise<unknown[]> => {
      const { rows } = (await answer.json()) as { rows: { f: { v: unknown }[] }[] };
      return rows[0]?.f.map(({ v }) => v) ?? [];
    };
    const ask = async (formatOptions?: object) =>
      await fetch(url, {
        method: 'POST',
        body: JSON.stringify({ query, useLegacySql: false, location: LOCATION, formatOptions }),
      });
    const seconds = [
      '1.7E9',
      '1.408452095220123E9',
      '0.0',
      '-1.0E-4',
      '-6.21355968E10',
      '86400.0',
      null,
      'x',
    ];
    const micros = [
      '1700000000000000',
      '1408452095220123',
      '0',
      '-100',
      '-62135596800000000',
      '86400000000',
      null,
      'x',
    ];

    assert.deepEqual(await valuesOf(await ask()), seconds);
    assert.deepEqual(await valuesOf(await ask({ useInt64Timestamp: true })), micros);
    const [job] = await project.bigquery.createQueryJob({ query, location: LOCATION });
    const results = `${url}/${job.id}?location=${LOCATION}`;
    assert.deepEqual(await valuesOf(await fetch(results)), seconds);
    assert.deepEqual(await valuesOf(await fetch(`${results}&formatOptions.useInt64Timestamp=true`)), micros);
    assert.equal((await ask({ timestampOutputFormat: 'ISO8601_STRING' })).status, 400);
  });

  it('take named parameters', async () => {
    assert.deepEqual(
      (
        await project.values('select @i, @s, @b, @d, @ts, @f', {
          i: 5,
          s: "it's",
          b: true,
          d: BigQuery.date('2020-02-29'),
          ts: BigQuery.timestamp('2020-01-01T00:00:00.5Z'),
          f: 1.5,
        })
      ).map(plain),
      [5, "it's", true, '2020-02-29', '2020-01-01T00:00:00.500Z', 1.5],
    );
    const missing = await rejection(project.rows('select @missing'));
    assert.match(missing.message, /Query parameter 'missing' not found/);
    assert.equal((await rejection(project.rows('select ?', [1]))).code, 400);
    assert.equal((await rejection(project.rows('select @a', { a: { b: 1 } }))).code, 400);
  });

  it('take arrays as named parameters', async () => {
    const named = (query: string, ...arrays: unknown[][]) =>
      project.values(query, Object.fromEntries(arrays.map((array, i) => [`a${i}`, array])));
    assert.deepEqual(
      await named(
        'select array_length(@a0), @a0, 2 in unnest(@a0), 4 in unnest(@a0), "it\'s" in unnest(@a1)',
        [1, 2, 3],
        ["it's", ''],
      ),
      [3, [1, 2, 3], true, false, true],
    );
    const [job] = await project.bigquery.createQueryJob({
      query: 'select count(*) as n from d.people where id in unnest(@ids) or name in unnest(@names)',
      params: { ids: [], names: ['Ann', 'Bob'] },
      types: { ids: ['INT64'], names: ['STRING'] },
    });
    assert.deepEqual((await job.getQueryResults())[0], [{ n: 2 }]);
  });

  it('read the elements of arrays, with their positions', async () => {
    assert.deepEqual(await project.rows('select x, o from unnest([7, 9]) as x with offset as o order by o'), [
      { x: 7, o: 0 },
      { x: 9, o: 1 },
    ]);
    assert.deepEqual(
      await project.values('select x from unnest([7, 9]) x with offset where offset = 1'),
      [9],
    );
    assert.deepEqual(
      await project.rows(`select (
          select string_agg(concat(tag, cast(n as string)), '' order by n desc)
          from (select t as tag, n from unnest(v.tags) as t with offset as n)) as joined
        from d.tagged v`),
      [{ joined: 'y1x0' }],
    );
    assert.deepEqual(
      await project.values(
        `select (select string_agg(t) from unnest(v.tags) as t) from (select cast([] as array<string>) as tags) v`,
      ),
      [null],
    );
  });

  it('join, group, and order with NULL first', async () => {
    assert.deepEqual(
      await project.rows(`select t.team, count(p.id) n, min(p.name) first
        from d.teams t left join d.people p using (team) group by t.team having n >= 0 order by t.team`),
      [
        { team: 'a', n: 2, first: 'Ann' },
        { team: 'b', n: 0, first: null },
      ],
    );
    assert.deepEqual(await project.rows('select team from d.people group by 1 order by team'), [
      { team: null },
      { team: 'a' },
    ]);
    assert.deepEqual(await project.rows('select born from d.people order by born desc limit 1 offset 2'), [
      { born: null },
    ]);
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

  it('pick, leave out and replace columns', async () => {
    assert.deepEqual(
      await project.rows('select * except (team, born) replace (id + 1 as id) from d.people where id = 1'),
      [{ id: 2, name: 'Ann' }],
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

  it('know the tables of a dataset', async () => {
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
      'select * from d.people for system_time as of timestamp_add(current_timestamp(), interval 0 day)',
      'select approx_quantiles(id, 2) from d.people',
      'select format(name, 1) from d.people',
      'select 1 union select 2',
      'create model d.m as select 1',
      'create table d.sized (s string(10))',
      'create table d.nested (s struct<a int64>)',
      'select id from d.people order by row_number() over ()',
      'select 1 from unnest([1, 2])',
      'select bit_xor(distinct id) from d.people',
      'select mod(5, 0)',
      "select substr('apple', 1, -1)",
      "select cast('0x' as int64)",
      "select time_diff(time '00:00:01', time '00:00:00', hour)",
      "select upper('x')",
      "select safe.lower('x')",
      "select format('%T', 1)",
      'select struct(1 as a)',
      "select json '{a: 1}'",
      "select json '922337203685477580701'",
      "select parse_json('0.10000000000000001')",
      'select parse_json(name) from d.people',
    ]) {
      const refused = await rejection(project.rows(query));
      assert.deepEqual([refused.code, refused.reason], [400, 'invalidQuery'], query);
    }
  });
});
