import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEWS = [
  { view: 'pmr_project', table: 'app_project', target: 'project' },
  { view: STREAMED_ENTRY.name, table: 'app_incident', target: 'incident' },
] as const;

describe('a complete batch that would delete many rows', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const sql = (text: string) => on.source.database.query(text);

  for (const { view, table, target } of VIEWS) {
    const key = `${target}_id`;
    const add = (from: number, to: number) =>
      sql(`insert into ${table} (id) select i from generate_series(${from}, ${to}) i`);
    const remove = (from: number, to: number) =>
      sql(`delete from ${table} where id between ${from} and ${to}`);
    const load = async (rows: number) => {
      await add(1, rows);
      await on.replicate(view);
    };
    const live = async () =>
      (
        await on.query(
          `select ${key} as k from ${on.targetTable(target)}${view === 'pmr_project' ? ' where not is_deleted' : ''} order by k`,
        )
      ).map(({ k }) => Number(k));
    /** Stages a complete batch and expects that applying it halts the view. */
    const assertHalts = async (message: RegExp) => {
      const batch = await on.stage(view);
      await assert.rejects(on.apply(batch), { kind: 'configuration', message });
      assert.match(String(await on.haltedReason(view)), message);
      assert.equal((await on.batches(view)).at(-1)?.state, 'failed');
    };
    /** The payload that the advice of the last failure tells to send to let the deletes through. */
    const advised = async () => {
      const advice = String((await on.errors()).at(-1)?.advice);
      const payload = /\{[^{}]*"acceptDeletes"[^{}]*\}/.exec(advice)?.[0];
      assert.ok(payload, advice);
      return JSON.parse(payload) as object;
    };
    const resync = () => ask({ view, resync: true });

    describe(`of ${view}`, () => {
      it('I2 halts the view with the counts, deletes nothing, and does it when the operator follows the advice', async () => {
        await load(210);
        await remove(1, 106);
        const checkpoint = await on.checkpointOf(view);
        await resync();

        await assertHalts(
          /delete 106 of the 210 rows of its target, more than the share of 0\.5 in max_deleted_share/,
        );

        assert.equal((await live()).length, 210);
        assert.deepEqual(await on.checkpointOf(view), checkpoint);
        await ask(await advised());
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '106' });
        await on.assertEqual(view);
        assert.deepEqual((await ask({ status: true, view })).failures, []);
      });

      it('passes at the share itself, and at 100 rows', async () => {
        await load(210);
        await remove(1, 105);
        await resync();
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '105' });
        await on.assertEqual(view);

        await remove(106, 205);
        await resync();

        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '100' });
        await on.assertEqual(view);
      });

      it('I2 halts the view when it would delete all rows, however few', async () => {
        await load(2);
        await remove(1, 2);
        await add(3, 9);
        await resync();

        await assertHalts(/delete all 2 rows of its target/);

        assert.deepEqual(
          (await live()).filter((id) => id <= 2),
          [1, 2],
        );
        await ask(await advised());
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '2' });
        await on.assertEqual(view);
      });

      it('halts the view again after a redrive, until its rows are back', async () => {
        await load(2);
        await remove(1, 2);
        await add(3, 4);
        await resync();
        await assertHalts(/delete all 2 rows/);
        await ask({ view, redrive: true });
        await assertHalts(/delete all 2 rows/);

        await add(1, 1);
        await ask({ view, redrive: true });

        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '1' });
        await on.assertEqual(view);
      });

      it('I2 that is empty halts the view, and empties the target when the operator follows the advice', async () => {
        await load(2);
        await remove(1, 2);
        await resync();
        await assert.rejects(on.extract(view), {
          kind: 'configuration',
          message: /has no rows, but its target has 2/,
        });
        assert.deepEqual(await live(), [1, 2]);

        await ask(await advised());

        assert.partialDeepStrictEqual(await on.replicate(view), { added: '0', deleted: '2' });
        assert.deepEqual(await live(), []);
        await add(5, 5);
        await on.source.log(table, 5, 'added');
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it('I2 accepts the deletes of one resync only', async () => {
        await load(2);
        await remove(1, 2);
        await add(3, 4);
        await ask({ view, resync: true, acceptDeletes: true });
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '2' });

        await remove(3, 4);
        await add(5, 6);
        await resync();

        await assertHalts(/delete all 2 rows/);
      });

      for (const [what, payload] of [
        ['withdrawn', { view, resync: false }],
        ['followed by a request without it', { view, resync: true }],
      ] as const) {
        it(`I2 does not accept the deletes when the request is ${what}`, async () => {
          await load(2);
          await remove(1, 2);
          await add(3, 4);
          await ask({ view, resync: true, acceptDeletes: true });
          await ask(payload);

          if (payload.resync) await assertHalts(/delete all 2 rows/);
          else {
            assert.partialDeepStrictEqual(await on.extract(view), { outcome: 'idle' });
            await resync();
            await assertHalts(/delete all 2 rows/);
          }
        });
      }

      it('I2 does not accept the deletes of a request by the release before, which knows no acceptance', async () => {
        await load(2);
        await remove(1, 2);
        await add(3, 4);
        await ask({ view, resync: true, acceptDeletes: true });
        await on.control.query(
          `update etl.view_source set resync_requested_at = date_trunc('milliseconds', clock_timestamp())`,
        );

        await assertHalts(/delete all 2 rows/);
      });

      it('follows the share of the view source', async () => {
        await load(300);
        await on.control.query('update etl.view_source set max_deleted_share = 0.9 where name = $1', [view]);
        await remove(1, 151);
        await resync();
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '151' });

        await on.control.query('update etl.view_source set max_deleted_share = 0 where name = $1', [view]);
        await remove(152, 252);
        await resync();

        await assertHalts(/delete 101 of the 149 rows of its target, more than the share of 0 in/);
      });

      it('halts the first load of a new control database, too', async () => {
        await load(2);
        await remove(1, 2);
        await add(3, 4);
        on.become(await stack.takingOver(on));

        await assertHalts(/delete all 2 rows/);

        await ask(await advised());
        assert.partialDeepStrictEqual(await on.replicate(view), { deleted: '2' });
        await on.assertEqual(view);
      });

      it('I2 halts the view, too, when the release before began the batch, which counted no rows', async () => {
        await load(210);
        await remove(1, 106);
        await resync();
        const batch = await on.stage(view);
        await on.control.query('update etl.etl_transaction set target_rows = null');

        await assert.rejects(on.apply(batch), { message: /delete 106 of the 210 rows/ });
      });

      it('I5 is checked again after a call that ended between the check and the deletes', async () => {
        await load(210);
        await remove(1, 106);
        await resync();
        const batch = await on.stage(view);
        stack.bigquery.faults.next('bigquery.jobs.getQueryResults', failBefore(403));
        await assert.rejects(on.apply(batch), { kind: 'unauthorized' });
        assert.equal((await live()).length, 210);

        await assert.rejects(on.apply(batch), {
          kind: 'configuration',
          message: /delete 106 of the 210 rows/,
        });
      });
    });
  }

  it('of a merged view counts the rows that are not deleted', async () => {
    await sql('insert into app_project (id) select i from generate_series(1, 400) i');
    await on.replicate();
    await sql('delete from app_project where id <= 200');
    await ask({ view: 'pmr_project', resync: true });
    await on.replicate();
    await sql('delete from app_project where id <= 301');
    await ask({ view: 'pmr_project', resync: true });

    await assert.rejects(on.replicate(), { message: /delete 101 of the 200 rows/ });
  });

  it('I6 of a merged view is not refused for staged rows that are lost: they are loaded again', async () => {
    await on.source.add('app_project', { id: 1 }, { id: 2 });
    await on.replicate();
    await ask({ view: 'pmr_project', resync: true });
    const batch = await on.stage();
    await on.query(`truncate table ${on.tempTable()}`);

    assert.partialDeepStrictEqual(await on.merge(batch), {
      outcome: 'applied',
      unchanged: '2',
      deleted: '0',
    });
  });

  it('I5 of a merged view that was applied, but not recorded, is found, not refused, and not counted again', async () => {
    await on.source.add('app_project', { id: 1 }, { id: 2 });
    await on.replicate();
    await ask({ view: 'pmr_project', resync: true });
    const batch = await on.stage();
    stack.bigquery.faults.next('bigquery.jobs.getQueryResults', pass(), failBefore(403));
    await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

    assert.partialDeepStrictEqual(await on.merge(batch), {
      outcome: 'applied',
      unchanged: '2',
      deleted: '0',
    });
    const [jobs] = await on.bigquery.getJobs();
    assert.equal(jobs.filter(({ id }) => id?.startsWith('deletes_')).length, 1);
  });
});
