import assert from 'node:assert/strict';
import pg from 'pg';
import type { CheckViewResult } from '../../../functions/reconcile/check-view.ts';
import { LOAD_TYPES, ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { appendChange } from './append-change.ts';
import { DAMAGED_COLUMNS, DAMAGES } from './damaged-columns.ts';
import { differencesOf, type FoundDifference, unrepaired } from './differences-of.ts';

const COLUMNS = Object.fromEntries(DAMAGED_COLUMNS.map(({ name, type }) => [name, type]));
/** Rows of both sides that nobody damages, and rows that one side loses. */
const [SOUND, LOST, KEPT, GONE] = ['1001', '1002', '1003', '1004'] as const;

const different = ({ key, column }: { key: string; column: string }): FoundDifference => ({
  key,
  kind: 'different',
  columns: [column],
});

const byKey = (a: FoundDifference, b: FoundDifference) => Number(a.key) - Number(b.key);

describe('a check of a damaged view', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    describe(`of load type ${loadType}`, () => {
      let thing: ThingView;

      before(async () => {
        thing = await ThingView.install(stack, { loadType, columns: COLUMNS });
        for (const { key, column, right } of DAMAGES) await insert({ id: key, [column]: right });
        for (const key of [SOUND, LOST, KEPT, GONE]) await insert({ id: key, c_text: `'sound'` });
        await thing.replicate();
        await thing.logAll();
        // The second batch streams or merges, where the first one has loaded.
        await thing.on.catchUp(VIEW);
        const result = await thing.on.reconcile({}, VIEW);
        assert.deepEqual(await differencesOf(thing.on, result), []);
        assert.equal(result.outcome, 'consistent');
      });

      async function insert(row: Record<string, string>) {
        const names = Object.keys(row).map((name) => pg.escapeIdentifier(name));
        await thing.on.source.database.query(
          `insert into app_thing (${names.join(', ')}) values (${Object.values(row).join(', ')})`,
        );
      }

      /** Checks without repair, with repair, and again, and says what the first two found. */
      async function findAndRepair(expected: FoundDifference[]) {
        const { on } = thing;
        const found = await on.reconcile({}, VIEW);
        assert.equal(found.outcome, 'differences found', JSON.stringify(found));
        assert.deepEqual((await differencesOf(on, found)).sort(byKey), expected.toSorted(byKey));
        const repaired = await on.reconcile({ repair: true }, VIEW);
        assert.deepEqual(await unrepaired(on, repaired), []);
        assert.partialDeepStrictEqual(repaired, { outcome: 'consistent', repaired: expected.length });
        assert.deepEqual((await differencesOf(on, repaired)).sort(byKey), expected.toSorted(byKey));
        await thing.assertEqual();
        const again: CheckViewResult = await on.reconcile({}, VIEW);
        assert.partialDeepStrictEqual(again, { outcome: 'consistent', missing: 0, extra: 0, different: 0 });
      }

      if (loadType === 'merge') {
        it('finds each value that somebody changed in BigQuery', async () => {
          for (const { key, column, wrongInBigQuery } of DAMAGES) {
            await thing.on.query(
              `update SMartDataAnalytics.thing set ${column} = ${wrongInBigQuery} where thing_id = ${key}`,
            );
          }
          await findAndRepair(DAMAGES.map(different));
        });

        it('finds rows that somebody deleted, added, or marked as deleted or not in BigQuery', async () => {
          await thing.delete(LOST);
          await thing.on.catchUp(VIEW);
          await thing.on.query(`update SMartDataAnalytics.thing set is_deleted = false where thing_id = ${LOST};
            update SMartDataAnalytics.thing set is_deleted = true where thing_id = ${KEPT};
            delete from SMartDataAnalytics.thing where thing_id = ${SOUND};
            insert into SMartDataAnalytics.thing (thing_id, c_text) values (3000, 'extra')`);
          await findAndRepair([
            { key: LOST, kind: 'extra', columns: [] },
            { key: KEPT, kind: 'missing', columns: [] },
            { key: SOUND, kind: 'missing', columns: [] },
            { key: '3000', kind: 'extra', columns: [] },
          ]);
        });
      } else {
        it('finds rows that somebody else streamed and deleted', async () => {
          await appendChange(thing.on, 'UPSERT', { thing_id: SOUND, c_text: 'unsound' });
          await appendChange(thing.on, 'UPSERT', { thing_id: '3000', c_text: 'extra' });
          await appendChange(thing.on, 'DELETE', { thing_id: LOST });
          await findAndRepair([
            { key: SOUND, kind: 'different', columns: ['c_text'] },
            { key: '3000', kind: 'extra', columns: [] },
            { key: LOST, kind: 'missing', columns: [] },
          ]);
        });
      }

      it('finds each value that the source changed without a log row, and repairs exactly these rows', async () => {
        for (const { key, column, wrong } of DAMAGES) {
          await thing.on.source.database.query(
            `update app_thing set ${pg.escapeIdentifier(column)} = ${wrong} where id = ${key}`,
          );
        }
        await findAndRepair(DAMAGES.map(different));
      });

      it('finds rows that the source added and deleted without log rows', async () => {
        await insert({ id: '2000', c_text: `'new'` });
        await insert({ id: '-2000' });
        await thing.on.source.database.query(`delete from app_thing where id = ${GONE}`);
        await findAndRepair([
          { key: '2000', kind: 'missing', columns: [] },
          { key: '-2000', kind: 'missing', columns: [] },
          { key: GONE, kind: 'extra', columns: [] },
        ]);
      });
    });
  }
});
