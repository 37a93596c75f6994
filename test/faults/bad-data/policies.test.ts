import assert from 'node:assert/strict';
import { UNREPRESENTABLE } from '../../integration/source/example-values.ts';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView, VIEW } from './thing-view.ts';

const COLUMNS = Object.fromEntries(UNREPRESENTABLE.map(([type], i) => [`c${i}`, type]));
const CELLS = Object.fromEntries(UNREPRESENTABLE.map(([, literal], i) => [`c${i}`, literal]));
const ONE_EACH = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, 1]));
/** An array that is NULL arrives as an empty one, which is counted, too. */
const NULL_ARRAYS = Object.fromEntries(
  UNREPRESENTABLE.flatMap(([type], i) => (type.endsWith('[]') ? [[`c${i}`, 1]] : [])),
);
const sum = (one: Record<string, number>, other: Record<string, number>) =>
  Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count + (other[name] ?? 0)]));
const all = (policy: 'null' | 'string') =>
  Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, policy]));

describe('values that BigQuery cannot hold', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    it(`I9 stop an initial and an incremental batch, with keys, columns and reasons in the error: ${loadType}`, async () => {
      const thing = await ThingView.install(stack, { loadType, columns: { day: 'date', note: 'json' } });
      const stopped = async () => {
        await assert.rejects(thing.stage(), {
          kind: 'bad_data',
          message:
            'view thing_view: key 2, column day: the value is infinite or outside the years 1 to 9999; ' +
            'key 2, column note: the value contains a number that INT64, UINT64 and FLOAT64 cannot hold exactly, an unpaired surrogate or a NUL character, or is nested deeper than 500 levels',
        });
        assert.match(String(await thing.on.haltedReason(VIEW)), /key 2, column day/);
        await thing.resume();
      };
      const bad = { day: `'infinity'`, note: `'{"a": "\\ud800"}'` };
      const good = { day: `'2024-02-29'`, note: `'{"a": "\\ud83d\\ude00"}'` };

      await thing.put('1', good);
      await thing.put('2', bad);
      await stopped();
      await thing.put('2', good);
      await thing.replicate();
      await thing.put('1', bad);
      await thing.put('1', good);
      await thing.put('2', bad);
      await stopped();
      await thing.put('2', good);
      await thing.replicate();

      await thing.assertEqual();
    });

    it(`I9 become NULL under the policy null, and are counted on their batch: ${loadType}`, async () => {
      const entry = { unrepresentable: all('null') };
      const thing = await ThingView.install(stack, { loadType, columns: COLUMNS, entry });
      await thing.put('1', CELLS);
      await thing.put('2');

      await thing.replicate();
      await thing.put('3', CELLS);
      await thing.put('4');
      await thing.replicate();
      await thing.put('4', { c0: `'2024-02-29'` });
      await thing.replicate();

      const both = sum(ONE_EACH, NULL_ARRAYS);
      assert.deepEqual(await thing.policyValues(), [both, both, NULL_ARRAYS]);
      const rows = await thing.target();
      assert.equal(rows.length, 4);
      for (const name of Object.keys(COLUMNS)) {
        const [one, two, three] = rows.map((row) => row[name]);
        assert.deepEqual([one, three], [two, two], `column ${name}`);
      }
    });

    it(`I9 become text under the policy string, and are counted on their batch: ${loadType}`, async () => {
      const entry = { unrepresentable: all('string') };
      const thing = await ThingView.install(stack, { loadType, columns: COLUMNS, entry });
      await thing.put('1', CELLS);

      await thing.replicate();
      await thing.put('2', CELLS);
      await thing.replicate();

      assert.deepEqual(await thing.policyValues(), [ONE_EACH, ONE_EACH]);
      for (const row of await thing.target()) {
        for (const [i, [, , , asString]] of UNREPRESENTABLE.entries()) {
          assert.equal(row[`c${i}`], asString, `column c${i}`);
        }
      }
    });

    it(`are counted across all slices of an initial load, and the log line gives the counts: ${loadType}`, async () => {
      const thing = await ThingView.install(stack, {
        loadType,
        columns: { day: 'date', moment: 'timestamp', other: 'date' },
        entry: { unrepresentable: { day: 'null', moment: 'string', other: 'null' } },
        settings: { SLICE_ROWS: '100', MAX_SLICES: '4' },
      });
      await thing.on.source.database.query(`
        insert into app_thing (id, day, moment)
        select i, case when i % 10 = 0 then 'infinity' else date '2024-01-01' end, case when i % 25 = 0 then '-infinity' else timestamp '2024-01-01' end
        from generate_series(1, 1000) i;
        analyze app_thing`);
      const sink = thing.on.captureLog();

      const batch = await thing.stage();
      await thing.apply(batch);

      const counted = { day: 100, moment: 40 };
      assert.deepEqual(await thing.policyValues(), [counted]);
      const staged = sink.records().find(({ message }) => message === 'batch staged');
      assert.partialDeepStrictEqual(staged, { view: VIEW, policyValues: counted });
      const [sum] = await thing.on.query(`
        select countif(day is null) as days, countif(moment = '-infinity') as moments
        from \`${thing.on.parts.env.GOOGLE_CLOUD_PROJECT}.SMartDataAnalytics.thing\``);
      assert.deepEqual(sum, { days: '100', moments: '40' });
    });
  }

  it('I9 outside the partition window for streaming become NULL and are counted in changes, but not in an initial load, where the window does not apply', async () => {
    const thing = await ThingView.install(stack, {
      loadType: 'bq-storage-api',
      columns: { opened: 'text' },
      entry: {
        datetime_columns: ['opened'],
        partition_column: 'opened',
        partition_granularity: 'month',
        unrepresentable: { opened: 'null' },
      },
    });
    const [longAgo, malformed, now] = [`'1999-12-31 23:59'`, `'soon'`, 'now()::timestamp(0)::text'];
    for (const [i, opened] of [longAgo, malformed, now].entries()) await thing.put(String(i), { opened });

    await thing.replicate();
    await thing.logAll();
    await thing.replicate();

    assert.deepEqual(await thing.policyValues(), [{ opened: 1 }, { opened: 2 }]);
    const isNull = (await thing.target()).map(({ opened }) => opened === null);
    assert.deepEqual(isNull, [true, true, false]);
  });

  it('I9 pass at the redrive after an operator has given their column a policy', async () => {
    const thing = await ThingView.install(stack, { loadType: 'merge', columns: { day: 'date' } });
    await thing.put('1', { day: `'0044-03-15 BC'` });
    await assert.rejects(thing.stage(), { kind: 'bad_data', message: /key 1, column day/ });

    await thing.import({ unrepresentable: { day: 'null' } });
    await thing.resume();
    await thing.replicate();

    assert.deepEqual(await thing.target(), [{ thing_id: '1', day: null, is_deleted: false }]);
    assert.deepEqual(await thing.policyValues(), [{}, { day: 1 }]);
  });

  it('cannot become text in the partition column, at import or, as an earlier release stored it, in a tick', async () => {
    const entry = { partition_column: 'day', partition_granularity: 'month' } as const;
    const thing = await ThingView.install(stack, { loadType: 'merge', columns: { day: 'date' }, entry });
    const refusal = {
      kind: 'configuration',
      message: /unrepresentable policy of day cannot be string: the column partitions the target/,
    };

    await assert.rejects(thing.import({ ...entry, unrepresentable: { day: 'string' } }), refusal);

    await thing.on.control.query(
      `update etl.view_source set unrepresentable = '{"day": "string"}' where name = 'thing_view'`,
    );
    await assert.rejects(thing.stage(), refusal);
  });
});
