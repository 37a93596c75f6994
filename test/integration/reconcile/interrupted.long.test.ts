import assert from 'node:assert/strict';
import { checkAll } from '../../../functions/reconcile/check-all.ts';
import type { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import type { Hold } from '../../emulators/faults.ts';
import { LOAD_TYPES, ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation, useStack } from '../../support/use-installation.ts';
import { differencesOf } from './differences-of.ts';

describe('a check while a query reads the target', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    const isMerged = loadType === 'merge';
    describe(`of load type ${loadType}`, () => {
      let thing: ThingView;

      beforeEach(async () => {
        thing = await ThingView.install(stack, { loadType, columns: { note: 'text' } });
        for (const key of ['1', '2', '3']) await thing.put(key, { note: `'first'` });
        await thing.replicate();
        await thing.on.source.database.query(`update app_thing set note = 'raw' where id = 3`);
      });

      /** Holds the next query whose job has a name like this. */
      async function holdQuery(name: RegExp): Promise<Hold> {
        for (let held = stack.bigquery.faults.holdNext('bigquery.job.query'); ; ) {
          await held.reached;
          const [jobs] = await thing.on.bigquery.getJobs({ allUsers: true });
          if (jobs.some(({ id, metadata }) => name.test(id ?? '') && metadata.status.state !== 'DONE'))
            return held;
          const next = stack.bigquery.faults.holdNext('bigquery.job.query');
          held.release();
          held = next;
        }
      }

      for (const look of ['rows', 'second']) {
        it(`${isMerged ? 'lets batches go on, and compares with the target of before' : 'I4 keeps the view to itself'}: ${look}`, async () => {
          const { on } = thing;
          let checking = on.check({}, VIEW);
          if (look === 'second') {
            const waiting = await checking;
            assert.ok(waiting.outcome === 'waiting');
            await on.catchUp(VIEW);
            checking = on.continueCheck(waiting);
          }
          const held = await holdQuery(new RegExp(`^check_.*-${look}-`));
          // What the target gets now would make the rows differ that are the same, or the other way round.
          await (look === 'rows' ? thing.put('1', { note: `'second'` }) : thing.put('3', { note: `'raw'` }));
          if (isMerged) await thing.replicate();
          else assert.equal((await on.extract(VIEW)).outcome, 'busy');
          held.release();
          let result = await checking;
          assert.deepEqual(
            (await differencesOf(on, result)).map(({ key }) => key),
            ['3'],
          );
          while (result.outcome === 'waiting') {
            await on.catchUp(VIEW);
            result = await on.continueCheck(result);
          }
          assert.partialDeepStrictEqual(result, { outcome: 'differences found', different: 1 });
        });
      }

      it('goes on when the connections to the source were lost meanwhile', async () => {
        const { on } = thing;
        const checking = on.check({}, VIEW).then(
          ({ outcome }) => outcome,
          ({ kind }: DataHubError) => kind,
        );
        const held = await holdQuery(/^check_.*-rows-/);
        await on.source.database.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
        held.release();
        // No snapshot stays open while a merged target is read.
        assert.equal(await checking, isMerged ? 'waiting' : 'transient');
        const { rows } = await on.control.query(
          'select id::text as check, state from etl.consistency_check where ended_at is null',
        );
        assert.equal(rows[0].state, isMerged ? 'confirming' : 'comparing');
        if (isMerged) await on.catchUp(VIEW);
        let result = await on.continueCheck({ view: VIEW, check: rows[0].check });
        while (result.outcome === 'waiting') {
          await on.catchUp(VIEW);
          result = await on.continueCheck(result);
        }
        assert.partialDeepStrictEqual(result, { outcome: 'differences found', different: 1 });
      });
    });
  }
});

describe('a check that cannot go on', () => {
  const { on } = useInstallation();

  const begin = async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'raw' where id = 2`);
    const waiting = await on.check({ repair: true });
    assert.ok(waiting.outcome === 'waiting');
    return waiting;
  };

  for (const [what, statement, reason, isBilled] of [
    [
      'whose view is halted',
      `update etl.view_source set halted_reason = 'broken', halted_at = now()`,
      'halted: broken',
      true,
    ],
    [
      'for a day',
      `update etl.consistency_check set started_at = now() - interval '25 hours'`,
      'it found no answer within a day',
      // The names of its jobs contain the time at which it began, which the statement has moved.
      false,
    ],
  ] as const) {
    it(`${what} ends without an answer and without a repair, and another one can begin`, async () => {
      const waiting = await begin();
      const log = on.captureLog();
      await on.control.query(statement);
      assert.deepEqual(await on.continueCheck(waiting), {
        outcome: 'skipped',
        view: PROJECT_ENTRY.name,
        reason,
      });
      assert.partialDeepStrictEqual(log.records(), [
        { severity: 'WARNING', message: 'check failed', why: reason },
      ]);
      const { rows } = await on.control.query(
        'select state, is_consistent, error, bytes_billed > 0 as is_billed from etl.consistency_check',
      );
      assert.deepEqual(rows, [{ state: 'failed', is_consistent: null, error: reason, is_billed: isBilled }]);
      assert.equal((await on.control.query('select from etl.queued_key')).rowCount, 0);
      await on.control.query('update etl.view_source set halted_reason = null, halted_at = null');
      assert.partialDeepStrictEqual(await on.reconcile({ repair: true }), {
        outcome: 'consistent',
        repaired: 1,
      });
    });
  }

  it('of a view over its budget is left out', async () => {
    await begin();
    await importConfiguration({ entries: [{ ...PROJECT_ENTRY, daily_budget_bytes: 1 }] }, on.dependencies);
    await on.control.query('delete from etl.consistency_check');
    assert.partialDeepStrictEqual(await on.check(), { outcome: 'skipped', reason: 'over budget' });
  });

  it('of a view that is stopped is not asked for when all are', async () => {
    await begin();
    const views = async () => (await checkAll({ command: 'checkAll' }, on.dependencies)).views;
    assert.deepEqual(await views(), [PROJECT_ENTRY.name]);
    for (const stop of [`halted_reason = 'broken', halted_at = now()`, 'paused = true', 'enabled = false']) {
      await on.control.query(`update etl.view_source set ${stop} where name = $1`, [PROJECT_ENTRY.name]);
      assert.deepEqual(await views(), [], stop);
      await on.control.query(
        'update etl.view_source set halted_reason = null, halted_at = null, paused = false, enabled = true',
      );
    }
  });
});
