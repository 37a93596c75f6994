import assert from 'node:assert/strict';
import { TYPES } from '../../integration/source/example-values.ts';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView } from './thing-view.ts';

/** BigQuery's BIGNUMERIC can hold it, the emulator's cannot. */
const BEYOND_THE_EMULATOR = [`'-5e38'`];

describe('replicated values', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    it(`I9 are the same on both sides for every type, limits included: ${loadType}`, async () => {
      const types = TYPES.map(([type, , values]) => ({
        type,
        literals: values.map(([literal]) => literal).filter((each) => !BEYOND_THE_EMULATOR.includes(each)),
      }));
      const columns = Object.fromEntries(types.map(({ type }, i) => [`c${i}`, type]));
      const thing = await ThingView.install(stack, { loadType, columns });
      const rows = Math.max(...types.map(({ literals }) => literals.length));
      for (let row = 0; row < rows; row += 1) {
        const cells = types.map(({ literals }, i) => [`c${i}`, literals[row] ?? 'null']);
        await thing.put(String(row), Object.fromEntries(cells));
      }
      await thing.put('-1');

      await thing.replicate();
      await thing.assertEqual();

      await thing.on.source.database.query(`update app_thing set id = id + 1000`);
      await thing.logAll();
      for (let row = -1; row < rows; row += 1) await thing.log(String(row));
      await thing.replicate();
      await thing.assertEqual();
    });
  }

  it('are reported by the comparison when they differ', async () => {
    const columns = { note: 'text', number: 'double precision', days: 'date[]' };
    const thing = await ThingView.install(stack, { loadType: 'merge', columns });
    await thing.put('1', { note: `''`, number: '0.1', days: `'{2024-02-29}'` });
    await thing.put('2');
    await thing.replicate();
    await thing.on.source.database.query(`
      update app_thing set note = null, number = 0.10000000000000002, days = '{2024-02-29,2024-02-29}' where id = 1;
      update app_thing set id = 3 where id = 2`);

    assert.deepEqual(await thing.differences(), [
      'thing_view: key 1, column note: source NULL, target ""',
      'thing_view: key 1, column number: source "0.10000000000000002", target "0.1"',
      'thing_view: key 1, column days: source ["2024-02-29","2024-02-29"], target ["2024-02-29"]',
      'thing_view: key 2: not in the source',
      'thing_view: key 3: missing in the target',
      'thing_view: in total: different values 3, rows not in the source 1, rows missing from the target 1',
    ]);
  });
});
