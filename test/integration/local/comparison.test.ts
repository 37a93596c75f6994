import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { LOAD_TYPES, ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { type Comparison, compare, describeFindings } from '../../local/compare/compare.ts';
import { DEFAULT_RULES, type Rules } from '../../local/compare/rules.ts';
import { useStack } from '../../support/use-installation.ts';
import { TYPES, UNREPRESENTABLE } from '../source/example-values.ts';

type Type = [type: string, literals: string[]];

/** Types that TYPES does not have; each becomes text, or a list of texts. */
const FURTHER: Type[] = [
  ['money', [`'1234.56'`, `'-0.01'`]],
  ['varbit', [`b'1010'`, `b''`]],
  ['line', [`'{1,2,3}'`]],
  ['lseg', [`'[(0,0),(1,1)]'`]],
  ['box', [`'(1,1),(0,0)'`]],
  ['path', [`'((0,0),(1,1),(2,0))'`]],
  ['polygon', [`'((0,0),(1,1),(2,0))'`]],
  ['circle', [`'<(1,2),3>'`]],
  ['tsvector', [`'fat:1 cat:2'`]],
  ['tsquery', [`'fat & cat'`]],
  ['macaddr8', [`'08:00:2b:01:02:03:04:05'`]],
  ['pg_lsn', [`'16/B374D848'`]],
  ['name', [`'a name'`]],
  ['int8range', [`'[1,5)'`]],
  ['numrange', [`'[1.5,)'`]],
  ['daterange', [`'[2024-01-01,2024-02-01)'`, `'empty'`]],
  ['tsrange', [`'[2024-01-01 10:00,2024-01-02)'`]],
  ['tstzrange', [`'[2024-01-01 10:00+07,2024-01-02 00:00+00)'`]],
  ['tstzmultirange', [`'{[2024-01-01 10:00+07,2024-01-02 00:00+00)}'`]],
  ['public.citext', [`'MiXed'`]],
  ['public.hstore', [`'a=>1,b=>NULL'`]],
  ['public.ltree', [`'Top.Science'`]],
  ['uuid[]', [`array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]`, `'{}'`]],
  ['inet[]', [`'{10.0.0.1,10.0.0.0/8}'`]],
  ['char(3)[]', [`'{a,b}'`]],
  ['interval[]', [`'{1 day,-2 hours}'`]],
  ['box[]', [`'{(1,1),(0,0);(2,2),(1,1)}'`]],
  ['mood[]', [`'{ok,"very sad"}'`]],
  ['timetz[]', [`'{10:00+07}'`]],
  ['time[]', [`'{10:00,23:59:59.999999}'`]],
  ['timestamp[]', [`array['2024-01-01 10:00'::timestamp]`]],
  ['real[]', [`'{0.1,NaN,-Infinity}'`]],
  ['numeric[]', [`'{1.50,0}'`]],
  ['money[]', [`'{1.50}'`]],
  ['json[]', [`array['{"b":1,"a":[1.0,-0]}'::json]`]],
];

/** The emulator's BIGNUMERIC has fewer digits than BigQuery's. */
const NUMERICS = ['1.50', `'-0.0000000001'`, '12345678901234567890', 'null'];

const ALL: Type[] = [
  ...TYPES.map(
    ([type, , values]): Type => [type, type === 'numeric' ? NUMERICS : values.map(([literal]) => literal)],
  ),
  ...FURTHER,
];
const COLUMNS = Object.fromEntries(ALL.map(([type], i) => [`c${i}`, type]));
const MOST_VALUES = Math.max(...ALL.map(([, literals]) => literals.length));

/** The n-th literal of each type; NULL where there is none. */
const cells = (n: number): Record<string, string> =>
  Object.fromEntries(ALL.flatMap(([, literals], i) => (literals[n] ? [[`c${i}`, literals[n]]] : [])));

/** SQL for the least other value of a column of the target, by its type and mode. */
const OTHER: Record<string, (column: string) => string> = {
  INTEGER: (column) => `if(${column} = 0, 1, ${column} - 1)`,
  FLOAT: (column) => `if(${column} = 0.25, 0.5, 0.25)`,
  NUMERIC: () => `numeric '11.000000001'`,
  BIGNUMERIC: () => `cast('11.0000000001' as bignumeric)`,
  BOOLEAN: (column) => `not ${column}`,
  STRING: (column) => `concat(${column}, ' ')`,
  BYTES: () => `b'other'`,
  DATE: () => `date '2011-11-11'`,
  DATETIME: () => `datetime '2011-11-11 11:11:11.111111'`,
  TIMESTAMP: () => `timestamp '2011-11-11 11:11:11.111111+00'`,
  TIME: () => `time '11:11:11.111111'`,
  JSON: () => `json '{"other":true}'`,
};

/** What `OTHER` makes of an element of an array, which is not in the array. */
const ELEMENTS: Record<string, string> = { INTEGER: '78', FLOAT: '0', BOOLEAN: 'false', STRING: `'other'` };

const rulesOf = ({ null_defaults, unrepresentable, omitted_columns }: Partial<ViewSourceEntry>): Rules => ({
  ...DEFAULT_RULES,
  ...(null_defaults && { nullDefaults: null_defaults }),
  ...(unrepresentable && { unrepresentable }),
  ...(omitted_columns && { omittedColumns: omitted_columns }),
});

async function compareThing(
  thing: ThingView,
  { loadType, rules = DEFAULT_RULES }: { loadType: string; rules?: Rules },
): Promise<Comparison> {
  const pair = {
    ...{ view: VIEW, target: 'SMartDataAnalytics.thing', keyColumn: 'thing_id', rules },
    keepsDeletedRows: loadType === 'merge',
  };
  return await compare(pair, thing.on.parts);
}

describe('the comparison of npm start -- --once', function () {
  this.timeout(120_000);
  const stack = useStack();
  const settings = { SOURCE_TIME_ZONE: 'UTC' };

  /** A view with a column of each type, loaded; its rows have every example value. */
  async function loaded(loadType: (typeof LOAD_TYPES)[number]): Promise<ThingView> {
    const thing = await ThingView.install(stack, { loadType, columns: { first: 'text' }, settings });
    const { database } = thing.on.source;
    await database.query('create extension citext; create extension hstore; create extension ltree');
    const added = Object.entries(COLUMNS).map(([name, type]) => `add column ${name} ${type}`);
    const names = ['id as thing_id', ...Object.keys(COLUMNS)];
    await database.query(`drop view ${VIEW}; alter table app_thing ${added.join(', ')};
      create view ${VIEW} as select ${names.join(', ')} from app_thing; grant select on ${VIEW} to reader`);
    await thing.import();
    for (let n = 0; n <= MOST_VALUES; n += 1) await thing.put(String(n + 1), cells(n));
    await thing.replicate();
    return thing;
  }

  for (const loadType of LOAD_TYPES) {
    it(`finds a view with every type equal to its target, and a changed value of each type: ${loadType}`, async () => {
      const thing = await loaded(loadType);

      const equal = await compareThing(thing, { loadType });
      assert.deepEqual(describeFindings(equal), []);
      assert.equal(equal.sourceRows, MOST_VALUES + 1);
      assert.equal(equal.targetRows, MOST_VALUES + 1);
      if (loadType === 'bq-storage-api') return;

      const fields = await fieldsOf(thing);
      const changed = fields.filter(({ name }) => name.startsWith('c'));
      assert.equal(changed.length, ALL.length);
      const sets = changed.map(({ name, type, mode }) => {
        const other = OTHER[type] ?? assert.fail(`no other value of ${type}`);
        const value = mode === 'REPEATED' ? `[${other(ELEMENTS[type] ?? '')}]` : other(name);
        return `${name} = ${value}`;
      });
      await thing.on.query(`update ${tableOf(thing)} set ${sets.join(', ')} where thing_id = 1`);
      const different = await compareThing(thing, { loadType });

      assert.equal(different.consistent, false);
      assert.deepEqual([...different.totals], [['value', ALL.length]]);
      assert.deepEqual([...different.notCompared], []);
      const [first] = different.examples;
      assert.partialDeepStrictEqual(first, { what: 'value', key: '1', column: 'c0' });
    });

    // What a policy makes of a value is the same for both load types.
    const policy = loadType === 'merge' ? 'null' : 'string';
    it(`follows the policy ${policy}, defaults and omitted columns: ${loadType}`, async () => {
      const columns = {
        ...Object.fromEntries(UNREPRESENTABLE.map(([type], i) => [`c${i}`, type])),
        ...{
          plain: 'text',
          hidden: 'text',
          day: 'date',
          seen: 'timestamptz',
          amount: 'numeric',
          yes: 'boolean',
          data: 'bytea',
        },
      };
      const bad = UNREPRESENTABLE.map(([, literal], i) => [`c${i}`, literal] as const);
      const entry: Partial<ViewSourceEntry> = {
        unrepresentable: Object.fromEntries(bad.map(([name]) => [name, policy])),
        omitted_columns: ['hidden'],
        null_defaults: {
          plain: 'none',
          day: '1999-12-31',
          seen: '1999-12-31T23:00:00+00:00',
          amount: 1.5,
          yes: true,
          data: 'AP8=',
        },
      };
      const thing = await ThingView.install(stack, { loadType, columns, entry, settings });
      await thing.put('1', { ...Object.fromEntries(bad), hidden: `'x'` });
      await thing.put('2', { plain: `'p'`, day: `'2024-01-01'`, yes: 'false' });
      await thing.replicate();
      const rules = rulesOf(entry);

      assert.deepEqual(describeFindings(await compareThing(thing, { loadType, rules })), []);
      const strict = await compareThing(thing, { loadType, rules: { ...rules, nullDefaults: {} } });
      assert.ok((strict.totals.get('value') ?? 0) >= 6, 'without the defaults their values differ');
      assert.ok(
        (await compareThing(thing, { loadType })).totals.has('column missing in the target'),
        'an omitted column is missed unless the view source omits it',
      );
      // A value that the target could hold is no reason for NULL.
      await thing.on.source.database.query(`update app_thing set c0 = '2024-05-05' where id = 1`);
      const held = await compareThing(thing, { loadType, rules });
      assert.deepEqual([...held.totals], [['value', 1]]);
    });
  }

  it('writes texts as BigQuery has them, whatever the database sets', async () => {
    const columns = {
      at: 'timestamptz',
      day: 'date',
      lasts: 'interval',
      share: 'float8',
      data: 'bytea',
      price: 'money',
      said: 'text',
    };
    const thing = await ThingView.install(stack, { loadType: 'merge', columns, settings });
    const { database } = thing.on.source;
    const name = (await database.query('select quote_ident(current_database()) as name')).rows[0].name;
    await database.query(`alter database ${name} set datestyle = 'SQL, DMY'; alter database ${name} set intervalstyle = 'iso_8601';
      alter database ${name} set extra_float_digits = '-5'; alter database ${name} set bytea_output = 'escape';
      drop view ${VIEW}; create view ${VIEW} as select id as thing_id, at, day, lasts, share, data, price, day::text as said from app_thing;
      grant select on ${VIEW} to reader`);
    const other = await thing.on.anotherProcess();
    thing.on.become(other);
    await thing.import();
    const values = {
      at: `'2024-03-02 01:00+00'`,
      day: `'2024-03-02'`,
      lasts: `'1 day 02:00'`,
      share: '0.1::float8 / 3',
      data: `'\\x00ff'`,
      price: '12.5',
    };
    await thing.put('1', values);
    await thing.replicate();

    assert.deepEqual(describeFindings(await compareThing(thing, { loadType: 'merge' })), []);
    assert.partialDeepStrictEqual((await thing.target())[0], { said: '02/03/2024', lasts: '1 day 02:00:00' });
  });

  it('names a column that it cannot compare, compares the others, and does not call that equal', async () => {
    const columns = { good: 'text', bad: 'text' };
    const thing = await ThingView.install(stack, { loadType: 'merge', columns, settings });
    const { database } = thing.on.source;
    await thing.put('1', { good: `'a'`, bad: `'1'` });
    await thing.put('2', { good: `'b'`, bad: `'2'` });
    await thing.replicate();
    // From now on the view fails where this column is read.
    await database.query(`drop view ${VIEW}; create view ${VIEW} as
      select id as thing_id, good, (1 / (bad::int - 2))::text as bad from app_thing; grant select on ${VIEW} to reader`);

    const compared = await compareThing(thing, { loadType: 'merge' });
    assert.equal(compared.consistent, false);
    assert.deepEqual(describeFindings(compared), [`${VIEW}: column bad was not compared: division by zero`]);

    await database.query(`update app_thing set good = 'x' where id = 2`);
    const different = await compareThing(thing, { loadType: 'merge' });
    assert.deepEqual([...different.totals], [['value', 1]]);
    assert.deepEqual([...different.notCompared.keys()], ['bad']);
  });
});

const tableOf = (thing: ThingView): string =>
  `\`${thing.on.parts.env.GOOGLE_CLOUD_PROJECT}.SMartDataAnalytics.thing\``;

async function fieldsOf(thing: ThingView): Promise<{ name: string; type: string; mode: string }[]> {
  const [metadata] = await thing.on.bigquery.dataset('SMartDataAnalytics').table('thing').getMetadata();
  return metadata.schema.fields;
}
