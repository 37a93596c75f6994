import assert from 'node:assert/strict';
import type pg from 'pg';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { readWitness } from '../../../shared/source/change-log.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { exportSnapshot, inExportedSnapshot, inSnapshot } from '../../../shared/source/snapshot.ts';
import { openTestPool } from '../../support/open-test-pool.ts';
import { TYPES, UNREPRESENTABLE } from './example-values.ts';
import { makeViewSource } from './make-view-source.ts';
import { stagedWhole } from './staged-rows.ts';
import { CONTENT_TYPE_TABLE, LOG_TABLE, openPool, useSource } from './use-source.ts';
import { EXAMPLE_SCHEMA } from './valued-view.ts';

const SCHEMA = `${EXAMPLE_SCHEMA}
  create type event as (at date, seen timestamptz, lasts interval, share float8, data bytea, price money);
  create type float_range as range (subtype = float8);`;

/** Values whose text obeys a setting, beside those of example-values.ts. */
const MORE: [type: string, literals: string[]][] = [
  ['interval', [`'1 year 2 mons 3 days 04:05:06.789'`, `'-1 day +02:03'`, `'0'`]],
  ['interval[]', [`'{1 day,-2 hours}'`]],
  ['daterange', [`'[2024-03-04,2024-04-03)'`, `'empty'`]],
  ['datemultirange', [`'{[2024-03-04,2024-04-03)}'`]],
  ['tsrange', [`'[2024-03-04 05:06:07.8,)'`]],
  ['tstzrange', [`'[2024-03-04 05:06:07+07,)'`]],
  ['tstzrange[]', [`array['[2024-03-04 05:06:07+07,)'::tstzrange]`]],
  ['float_range', [`'[0.1,0.30000000000000004)'`]],
  ['money', [`'-1234.5'`]],
  ['money[]', [`array['1234.5'::money]`]],
  ['time with time zone', [`'05:06:07.8+07:30'`]],
  ['point', [`'(0.1,0.30000000000000004)'`]],
  ['circle', [`'<(0.1,0.2),0.30000000000000004>'`]],
  ['bytea[]', [String.raw`array['\xdeadbeef'::bytea, '\x'::bytea]`]],
  [
    'event',
    [String.raw`row('2024-03-04', '2024-03-04 05:06:07+07', '1 day', 0.1::float8 + 0.2, '\x00ff', '1234.5')`],
  ],
  [
    'event[]',
    [
      String.raw`array[row('2024-03-04', '2024-03-04 05:06:07+07', '1 day', 0.1::float8 + 0.2, '\x00ff', '1234.5')::event]`,
    ],
  ],
  ['xml', [`'<a>ü</a>'`]],
  ['timestamptz[]', [`'{"2024-03-04 05:06:07+07"}'`]],
  ['date[]', [`'{2024-03-04,0044-03-15}'`]],
  ['double precision[]', [`'{0.1,0.30000000000000004}'`]],
  ['jsonb', [`'{"share": 0.30000000000000004}'`]],
];

/** Under which databases write the text of a value otherwise than under the default. */
const DATABASES = {
  'SQL, DMY': { datestyle: 'SQL, DMY', intervalstyle: 'sql_standard', extra_float_digits: '0' },
  German: {
    datestyle: 'German, DMY',
    intervalstyle: 'postgres_verbose',
    extra_float_digits: '-15',
    bytea_output: 'escape',
  },
  'Postgres, MDY': {
    datestyle: 'Postgres, MDY',
    intervalstyle: 'iso_8601',
    extra_float_digits: '3',
    xmlbinary: 'hex',
  },
  'ISO, YMD': {
    datestyle: 'ISO, YMD',
    intervalstyle: 'iso_8601',
    extra_float_digits: '-3',
    bytea_output: 'escape',
  },
  'ISO, DMY in Bangkok': {
    datestyle: 'ISO, DMY',
    timezone: 'Asia/Bangkok',
    lc_monetary: 'C.UTF-8',
    lc_numeric: 'C.UTF-8',
  },
} as const satisfies Record<string, Record<string, string>>;

const DEFAULTS = [
  'datestyle',
  'intervalstyle',
  'extra_float_digits',
  'bytea_output',
  'timezone',
  'lc_monetary',
  'lc_numeric',
  'xmlbinary',
];

describe('the settings of a database', () => {
  const source = useSource(SCHEMA);
  const pools: pg.Pool[] = [];

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
    for (const name of DEFAULTS) await source.pool.query(`alter database postgres reset ${name}`);
  });

  /** Connections to the database after it got these settings. */
  async function under(settings: Record<string, string>): Promise<pg.Pool> {
    for (const [name, value] of Object.entries(settings)) {
      await source.pool.query(`alter database postgres set ${name} = '${value}'`);
    }
    const pool = openPool(source.postgres.url());
    pools.push(pool);
    return pool;
  }

  const staged = (pool: pg.Pool, differing: Partial<ViewSource> = {}) =>
    inSnapshot(pool, async (client) => {
      const view = await describeView(
        client,
        makeViewSource({ name: 'valued', ...differing }),
        CONTENT_TYPE_TABLE,
      );
      const { lines, replaced } = await stagedWhole(client, view);
      return { lines, counted: replaced };
    });

  describe('never change the text that is staged of a value', () => {
    const samples: [type: string, literals: readonly string[], policy: 'string' | 'null' | null][] = [
      ...TYPES.map(([type, , values]) => [type, values.map(([literal]) => literal), null] as const),
      ...MORE.map(([type, literals]) => [type, literals, null] as const),
      ...UNREPRESENTABLE.map(([type, literal]) => [type, [literal], 'string'] as const),
      ...UNREPRESENTABLE.map(([type, literal]) => [type, [literal], 'null'] as const),
    ].map(([type, literals, policy]) => [type, literals, policy]);
    const unrepresentable: Record<string, 'string' | 'null'> = {};

    before(async () => {
      const columns = samples.map(([type], i) => `c${i} ${type}`);
      const longest = Math.max(...samples.map(([, literals]) => literals.length));
      await source.pool.query(`create table valued_row (item_id bigint, ${columns.join(', ')})`);
      for (let row = 0; row < longest; row += 1) {
        const values = samples.map(([type, literals]) => `${literals[row % literals.length]}::${type}`);
        await source.pool.query(`insert into valued_row values (${row + 1}, ${values.join(', ')})`);
      }
      await source.pool.query('drop view if exists valued; create view valued as select * from valued_row');
      samples.forEach(([, , policy], i) => {
        if (policy !== null) unrepresentable[`c${i}`] = policy;
      });
    });

    for (const [name, settings] of Object.entries(DATABASES)) {
      it(`I9 as under the defaults: ${name}`, async () => {
        const expected = await staged(source.pool, { unrepresentable });
        assert.equal(expected.lines.length > 5, true);
        const found = await staged(await under(settings), { unrepresentable });
        found.lines.forEach((line, row) => {
          const before = JSON.parse(expected.lines[row] ?? '') as Record<string, unknown>;
          const now = JSON.parse(line) as Record<string, unknown>;
          for (const [i, [type]] of samples.entries()) {
            assert.deepEqual(now[`c${i}`], before[`c${i}`], type);
          }
        });
        assert.deepEqual(found, expected);
      });
    }
  });

  it('I9 never change the text of random values', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));
    // Whole microseconds, seconds with few digits, and floats of every size.
    await source.pool.query(`
      drop view if exists valued; drop table if exists random_row;
      select setseed(${(seed % 1000) / 1000});
      create table random_row as select i::bigint as item_id,
        (random() - 0.5) * 10 ^ (random() * 600 - 300) as f8, (random() * 10 ^ (random() * 60 - 30))::float4 as f4,
        date '0001-01-01' + (random() * 3652000)::int as d,
        timestamp '0001-01-01' + (random() * 3652000)::int * interval '1 day' + round(random()::numeric, (random() * 6)::int)::float8 * interval '1 day' as ts,
        timestamptz '1900-01-01 00:00Z' + random() * interval '200 years' as tz,
        make_interval((random() * 20 - 10)::int, (random() * 24 - 12)::int, 0, (random() * 60 - 30)::int, 0, 0, (random() - 0.5) * 1e6) as iv,
        decode(md5(random()::text), 'hex') as b, (random() * 1e6)::numeric::money as m,
        tstzrange('2000-01-01Z', '2000-01-01Z'::timestamptz + random() * interval '9 years') as r,
        array[random(), random() * 1e20] as fs, point(random(), -random()) as p, to_jsonb(random() * 1e9) as j,
        row('2024-03-04'::date + i, now() + i * interval '1 hour', make_interval(secs => random() * 1e5), random(), decode(md5(i::text), 'hex'), i::money)::event as e
      from generate_series(1, 300) i;
      create view valued as select * from random_row`);
    const expected = await staged(source.pool);
    assert.equal(expected.lines.length, 300);
    for (const [name, settings] of Object.entries(DATABASES)) {
      assert.deepEqual(await staged(await under(settings)), expected, `${name}, seed ${seed}`);
    }
  });

  describe('say what a view computes', () => {
    const COMPUTED = `
      drop view if exists valued; drop table if exists random_row, note;
      create table note (id bigint, day text, at timestamptz, share float8, data bytea);
      insert into note select i, '03/04/2024', '2024-03-04 22:00Z', 0.1::float8 + 0.2, '\\x41ff' from generate_series(1, 3) i;
      create view valued as select id as item_id, day::date as day, day::date::text as day_text,
        at::date as local_day, at, share, share::text as share_text, data, data::text as data_text,
        interval '26 hours'::text as lasts from note`;

    const rowsOf = async (pool: pg.Pool) =>
      (await staged(pool)).lines.map((line) => JSON.parse(line) as Record<string, unknown>);

    it('and not how its values are written, in every row', async () => {
      await source.pool.query(COMPUTED);
      const rows = await rowsOf(
        await under({
          datestyle: 'German, DMY',
          intervalstyle: 'iso_8601',
          extra_float_digits: '0',
          bytea_output: 'escape',
        }),
      );

      assert.deepEqual(
        rows,
        [1, 2, 3].map((item_id) => ({
          item_id,
          day: '2024-04-03',
          day_text: '03.04.2024',
          local_day: '2024-03-04',
          at: '2024-03-04T22:00:00+00:00',
          share: 0.30000000000000004,
          share_text: '0.3',
          data: 'Qf8=',
          data_text: 'A\\377',
          lasts: 'PT26H',
          action: 'loaded',
          etl_transaction_id: 1,
        })),
      );
    });

    it('and so does SOURCE_TIME_ZONE, whatever the time zone of the database', async () => {
      await source.pool.query(COMPUTED);
      const [inUtc] = await rowsOf(await under({ timezone: 'America/New_York' }));
      assert.equal(inUtc?.local_day, '2024-03-04');
      const settings = { SOURCE_TIME_ZONE: 'Asia/Bangkok' };
      const pool = openTestPool(source.postgres.url(), { max: 2, settings });
      pools.push(pool);
      const [inBangkok] = await rowsOf(pool);
      assert.equal(inBangkok?.local_day, '2024-03-05');
      assert.equal(inBangkok?.at, '2024-03-04T22:00:00+00:00');
    });

    it('as they were for the whole snapshot, in each slice of it', async () => {
      const former = await under({ datestyle: 'ISO, DMY' });
      await inSnapshot(former, async (client) => {
        const snapshot = await exportSnapshot(client);
        const later = await under({ datestyle: 'ISO, MDY' });
        const read = await inExportedSnapshot(later, snapshot, (slice) =>
          slice.query(`select '03/04/2024'::date = '2024-04-03'::date as "isApril"`),
        );
        assert.equal(read.rows[0].isApril, true);
      });
    });
  });

  it('are changed for the text of a row only where a type of the view needs it', async () => {
    const pool = await under({
      datestyle: 'German',
      intervalstyle: 'iso_8601',
      extra_float_digits: '0',
      bytea_output: 'escape',
    });
    const switched = async (type: string) => {
      await source.pool.query(
        `drop view if exists valued; create view valued as select 1::bigint as item_id, null::${type} as value`,
      );
      return await inSnapshot(pool, async (client) => {
        const view = await describeView(client, makeViewSource({ name: 'valued' }), CONTENT_TYPE_TABLE);
        return view.textSettings.map(({ name }) => name).join(', ');
      });
    };
    const all = 'DateStyle, IntervalStyle, extra_float_digits, bytea_output';
    for (const [type, expected] of [
      ['text', ''],
      ['numeric(9,2)', ''],
      ['mood', ''],
      ['positive', ''],
      ['inet[]', ''],
      ['pair', ''],
      ['date', 'DateStyle'],
      ['date[]', 'DateStyle'],
      ['daterange', 'DateStyle'],
      ['datemultirange', 'DateStyle'],
      ['tstzrange[]', 'DateStyle'],
      ['interval', 'IntervalStyle'],
      ['float_range', 'extra_float_digits'],
      ['jsonb', 'extra_float_digits'],
      ['noted', 'extra_float_digits'],
      ['bytea[]', 'bytea_output'],
      ['event', all],
      ['event[]', all],
    ] as const) {
      assert.equal(await switched(type), expected, type);
    }
  });

  it('I9 never change what a text with a time of a datetime column means', async () => {
    await source.pool.query(
      `drop view if exists valued; drop table if exists random_row, note;
       create view valued as select * from (values (1::bigint, '2024-03-04 22:30'), (2, '2024-04-03T05:06:07.89')) as t (item_id, value)`,
    );
    await under({ datestyle: 'SQL, DMY' });
    const settings = { SOURCE_TIME_ZONE: 'Asia/Bangkok' };
    const pool = openTestPool(source.postgres.url(), { max: 1, settings });
    pools.push(pool);
    const { lines } = await staged(pool, { datetimeColumns: ['value'] });
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).value),
      ['2024-03-04T22:30:00+00:00', '2024-04-03T05:06:07.89+00:00'],
    );
  });

  it('never make a log look like another one that was restored', async () => {
    await source.pool.query(
      `insert into ${LOG_TABLE} (date_created, object_id, content_type_id, action) values
        ('2024-03-04 05:06:07.89+07', '1', 7, 'added'), ('2024-03-04', '1', 7, 'changed'), ('infinity', '1', 7, 'changed')`,
    );
    // As releases before hashed a row: its text in a session with ISO dates and UTC.
    const { rows } = await source.pool.query(
      `select id, md5(concat_ws('|', id, date_created, content_type_id, object_id, action)) as hash from ${LOG_TABLE} order by id`,
    );
    assert.equal(rows.length, 3);
    const settings = { SOURCE_TIME_ZONE: 'Asia/Bangkok' };
    await under({ datestyle: 'German', extra_float_digits: '-15' });
    const pool = openTestPool(source.postgres.url(), { max: 1, settings });
    pools.push(pool);
    for (const { id, hash } of rows) {
      assert.deepEqual(await inSnapshot(pool, (client) => readWitness(client, LOG_TABLE, id)), { id, hash });
    }
  });

  it('are as before after a value has stopped a copy, and the value is named', async () => {
    await source.pool.query(
      `drop view if exists valued; drop table if exists random_row, note;
       create view valued as select i as item_id, (case when i = 4 then 'infinity' else '03/04/2024' end)::date as value from generate_series(1::bigint, 5) i`,
    );
    const pool = await under({ datestyle: 'SQL, DMY' });
    await inSnapshot(pool, async (client) => {
      const view = await describeView(client, makeViewSource({ name: 'valued' }), CONTENT_TYPE_TABLE);
      await assert.rejects(stagedWhole(client, view), {
        message: 'view valued: key 4, column value: the value is infinite or outside the years 1 to 9999',
      });
      assert.equal((await client.query('show datestyle')).rows[0].DateStyle, 'SQL, DMY');
    });
  });
});
