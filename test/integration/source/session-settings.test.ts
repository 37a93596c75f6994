import assert from 'node:assert/strict';
import type pg from 'pg';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { readWitness } from '../../../shared/source/change-log.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { countPolicyValues } from '../../../shared/source/policy-values.ts';
import { exportSnapshot, inExportedSnapshot, inSnapshot } from '../../../shared/source/snapshot.ts';
import { TYPES, UNREPRESENTABLE } from './example-values.ts';
import { makeViewSource } from './make-view-source.ts';
import { stagedLines } from './staged-rows.ts';
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
      return {
        lines: await stagedLines(client, view),
        counted: await countPolicyValues(client, view, {
          kind: 'slice',
          slice: { from: null, to: null },
          isDirectLoad: false,
        }),
      };
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
      await source.pool.query('create view valued as select * from valued_row');
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
          samples.forEach(([type], i) =>
            assert.deepEqual(now[`c${i}`], before[`c${i}`], `${type}: ${settings}`),
          );
        });
        assert.deepEqual(found, expected);
      });
    }
  });
});
