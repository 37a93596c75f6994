import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import { LOAD_TYPES, ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { DAMAGED_COLUMNS } from './damaged-columns.ts';
import { differencesOf } from './differences-of.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const ROWS = 60;

/** Columns whose NULLs, and values that BigQuery cannot hold, the view source replaces: literals of PostgreSQL, and of GoogleSQL. */
const POLICY_COLUMNS = [
  {
    name: 'p_null',
    type: 'timestamptz',
    values: [`'infinity'`, `'2024-01-01 00:00+00'`],
    literals: [`timestamp '2024-01-01 00:00:00+00'`],
  },
  { name: 'p_string', type: 'numeric', values: ['1.5', '1.50', `'NaN'`], literals: [`'1.5'`, `'1.50'`] },
  { name: 'p_default', type: 'text', values: [`''`, `'none'`, `'x'`], literals: [`''`, `'none'`] },
  { name: 'p_array', type: 'text[]', values: [`'{}'`, `'{a}'`, `array['']`], literals: ['[]', `['a']`] },
];
const POLICIES = {
  unrepresentable: { p_null: 'null', p_string: 'string' },
  null_defaults: { p_default: 'none' },
  null_arrays: { p_array: 'empty' },
} as const;

const COLUMNS = [
  ...DAMAGED_COLUMNS.map(({ name, type, pairs }) => ({
    ...{ name, type },
    values: [...new Set(pairs.flatMap(({ right, wrong }) => [right, wrong]))],
    literals: [...new Set(pairs.map(({ wrongInBigQuery }) => wrongInBigQuery))],
  })),
  ...POLICY_COLUMNS,
];

const anyColumn = fc.constantFrom(...COLUMNS);
const anyValue = anyColumn.chain(({ name, values }) =>
  fc.record({ name: fc.constant(name), value: fc.constantFrom('null', ...values) }),
);
const anyLiteral = anyColumn.chain(({ name, literals }) =>
  fc.record({ name: fc.constant(name), value: fc.constantFrom(...literals) }),
);
const anyRow = fc.tuple(...COLUMNS.map(({ values }) => fc.constantFrom('null', ...values)));
const anyDamage = fc.oneof(
  {
    weight: 4,
    arbitrary: anyValue.map(({ name, value }) => ({
      in: 'source' as const,
      sql: (key: number) => `update app_thing set ${pg.escapeIdentifier(name)} = ${value} where id = ${key}`,
    })),
  },
  fc.constant({ in: 'source' as const, sql: (key: number) => `delete from app_thing where id = ${key}` }),
  fc.constant({
    in: 'source' as const,
    sql: (key: number) => `insert into app_thing (id) values (${key + 1000})`,
  }),
  {
    weight: 3,
    arbitrary: anyLiteral.map(({ name, value }) => ({
      in: 'target' as const,
      sql: (key: number) => `update SMartDataAnalytics.thing set ${name} = ${value} where thing_id = ${key}`,
    })),
  },
  fc.constantFrom('true', 'false').map((isDeleted) => ({
    in: 'target' as const,
    sql: (key: number) =>
      `update SMartDataAnalytics.thing set is_deleted = ${isDeleted} where thing_id = ${key}`,
  })),
  fc.constant({
    in: 'target' as const,
    sql: (key: number) => `delete from SMartDataAnalytics.thing where thing_id = ${key}`,
  }),
  fc.constant({
    in: 'target' as const,
    sql: (key: number) => `insert into SMartDataAnalytics.thing (thing_id) values (${key + 2000})`,
  }),
);

const sampleOf = <T>(any: fc.Arbitrary<T>, seed: number): T[] => fc.sample(any, { numRuns: ROWS, seed });

describe(`a check and its repair (SEED=${SEED})`, () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    it(`agree: the repair changes exactly the rows that the check reports, and the next look is clean (${loadType})`, async () => {
      const columns = Object.fromEntries(COLUMNS.map(({ name, type }) => [name, type]));
      const thing = await ThingView.install(stack, { loadType, columns, entry: POLICIES });
      const { on } = thing;
      const names = ['id', ...COLUMNS.map(({ name }) => pg.escapeIdentifier(name))].join(', ');
      for (const [i, row] of sampleOf(anyRow, SEED).entries()) {
        await on.source.database.query(
          `insert into app_thing (${names}) values (${[i + 1, ...row].join(', ')})`,
        );
      }
      await thing.replicate();
      await thing.logAll();
      await on.catchUp(VIEW);
      assert.partialDeepStrictEqual(await on.reconcile({}, VIEW), {
        outcome: 'consistent',
        missing: 0,
        extra: 0,
        different: 0,
      });

      const damages = [...sampleOf(anyDamage, SEED + 1).entries()].filter(
        ([, damage]) => damage.in === 'source' || loadType === 'merge',
      );
      for (const [i, damage] of damages) {
        await (damage.in === 'source'
          ? on.source.database.query(damage.sql(i + 1))
          : on.query(damage.sql(i + 1)));
      }
      const result = await on.reconcile({ repair: true }, VIEW);
      const reported = (await differencesOf(on, result)).map(({ key, kind }) => `${key} ${kind}`);

      assert.partialDeepStrictEqual(result, { outcome: 'consistent', repaired: reported.length });
      const { id, kind, rows_added, rows_changed, rows_deleted, rows_unchanged } =
        (await on.batches(VIEW)).at(-1) ?? {};
      assert.deepEqual([kind, rows_unchanged], ['repair', '0']);
      const of = (...kinds: string[]) =>
        String(reported.filter((each) => kinds.some((name) => each.endsWith(name))).length);
      const changed = await on.query(
        `select thing_id from SMartDataAnalytics.thing where etl_transaction_id = ${id}`,
      );
      assert.deepEqual(
        changed.map(({ thing_id }) => String(thing_id)).toSorted(),
        reported
          .filter((each) => loadType === 'merge' || !each.endsWith('extra'))
          .map((each) => each.split(' ')[0])
          .toSorted(),
      );
      assert.deepEqual(
        [String(Number(rows_added) + Number(rows_changed)), rows_deleted],
        [of('missing', 'different'), of('extra')],
      );
      assert.partialDeepStrictEqual(await on.reconcile({}, VIEW), {
        outcome: 'consistent',
        missing: 0,
        extra: 0,
        different: 0,
      });
      // The independent comparison knows no policies: the source gets what they make of its values.
      await on.source.database.query(
        `update app_thing set p_default = coalesce(p_default, 'none'), p_null = nullif(p_null, 'infinity')`,
      );
      await thing.assertEqual();
      assert.ok(reported.length > 5 && reported.length < ROWS, `${reported.length} rows differed`);
    });
  }
});
