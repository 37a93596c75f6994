import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { DAMAGED_COLUMNS } from './damaged-columns.ts';
import { differencesOf } from './differences-of.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const PAIRS = 25;

/** For each column, random pairs of its values: what a row has first, and then. */
const ROWS = DAMAGED_COLUMNS.flatMap(({ name, pairs }, i) => {
  const values = [...new Set(['null', ...pairs.flatMap(({ right, wrong }) => [right, wrong])])];
  const any = fc.tuple(fc.constantFrom(...values), fc.constantFrom(...values));
  return fc.sample(any, { numRuns: PAIRS, seed: SEED + i }).map(([first, then]) => ({ name, first, then }));
}).map((row, i) => ({ key: String(i + 1), ...row }));

const byNumber = (a: string, b: string) => Number(a) - Number(b);

describe(`a check and a merge (SEED=${SEED})`, () => {
  const stack = useStack();

  it('call the same values equal: the merge changes exactly the rows that the check finds', async () => {
    const columns = Object.fromEntries(DAMAGED_COLUMNS.map(({ name, type }) => [name, type]));
    const { on, ...thing } = await install(columns);
    for (const { key, name, first } of ROWS) {
      await on.source.database.query(
        `insert into app_thing (id, ${pg.escapeIdentifier(name)}) values (${key}, ${first})`,
      );
    }
    await on.replicate(VIEW);
    for (const { key, name, then } of ROWS) {
      await on.source.database.query(
        `update app_thing set ${pg.escapeIdentifier(name)} = ${then} where id = ${key}`,
      );
    }

    const result = await on.reconcile({}, VIEW);
    const found = (await differencesOf(on, result)).map(({ key }) => key).toSorted(byNumber);
    await thing.logAll();
    const { etlTransactionId } = await on.replicate(VIEW);

    const changed = await on.query(
      `select thing_id from SMartDataAnalytics.thing where etl_transaction_id = ${etlTransactionId} order by thing_id`,
    );
    const describe = (keys: readonly string[]) =>
      ROWS.filter(({ key }) => keys.includes(key)).map(
        ({ name, first, then }) => `${name}: ${first} → ${then}`,
      );
    assert.deepEqual(describe(found), describe(changed.map(({ thing_id }) => String(thing_id))));
    assert.ok(
      found.length > 0 && found.length < ROWS.length,
      `${found.length} of ${ROWS.length} rows differ`,
    );
    assert.equal((await on.reconcile({}, VIEW)).outcome, 'consistent');
  });

  async function install(columns: Record<string, string>) {
    const thing = await ThingView.install(stack, { loadType: 'merge', columns });
    return { on: thing.on, logAll: () => thing.logAll() };
  }
});
