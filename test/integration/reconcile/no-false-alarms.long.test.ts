import assert from 'node:assert/strict';
import type { CheckViewResult } from '../../../functions/reconcile/check-view.ts';
import { LOAD_TYPES, ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { until } from '../../support/until.ts';
import { useStack } from '../../support/use-installation.ts';

describe('a check while the target need not show everything', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    describe(`of load type ${loadType}`, () => {
      let thing: ThingView;

      beforeEach(async () => {
        thing = await ThingView.install(stack, { loadType, columns: { note: 'text', size: 'float8' } });
        for (const key of ['1', '2', '3']) await thing.put(key, { note: `'first'`, size: '0.5' });
        await thing.replicate();
        await thing.put('1', { note: `'second'` });
        await thing.replicate();
      });

      const changeUnlogged = (key: string, note: string) =>
        thing.on.source.database.query('update app_thing set note = $2 where id = $1', [key, note]);

      const pendingOf = async (result: CheckViewResult) => {
        assert.ok('check' in result);
        const { rows } = await thing.on.control.query(
          'select pending::int4 from etl.consistency_check where id = $1',
          [result.check],
        );
        return rows[0]?.pending;
      };

      const NOTHING = { missing: 0, extra: 0, different: 0, duplicate: 0 };
      const assertConsistent = (result: CheckViewResult) =>
        assert.partialDeepStrictEqual(result, { outcome: 'consistent', ...NOTHING });

      it('counts no row that a log row names which no batch has covered', async () => {
        await thing.put('1', { note: `'third'` });
        await thing.put('4', { note: `'new'` });
        await thing.delete('2');
        const result = await thing.on.check({}, VIEW);
        assertConsistent(result);
        assert.equal(await pendingOf(result), 3);
      });

      it('counts no row of a batch that is staged', async () => {
        await thing.put('1', { note: `'third'` });
        await thing.delete('2');
        const batch = await thing.stage();
        assertConsistent(await thing.on.check({}, VIEW));
        await thing.apply(batch);
        assertConsistent(await thing.on.check({}, VIEW));
      });

      it('counts no row that is queued to be fetched', async () => {
        await changeUnlogged('3', 'queued');
        await thing.on.dependencies.control.queuedKeys.add(VIEW, ['3'], 'repair');
        const result = await thing.on.check({}, VIEW);
        assertConsistent(result);
        assert.equal(await pendingOf(result), 1);
      });

      it('counts no row whose log row comes after its data', async () => {
        await changeUnlogged('3', 'late');
        const waiting = await thing.on.check({}, VIEW);
        assert.equal(waiting.outcome, 'waiting');
        assert.ok('check' in waiting);
        await thing.log('3');
        await thing.on.catchUp(VIEW);
        assertConsistent(await thing.on.continueCheck(waiting));
      });

      it('counts no row whose log row comes after the batch that it waits for', async () => {
        await changeUnlogged('3', 'late');
        const waiting = await thing.on.check({}, VIEW);
        assert.ok(waiting.outcome === 'waiting');
        await thing.on.catchUp(VIEW);
        await thing.log('3');
        assertConsistent(await thing.on.continueCheck(waiting));
      });

      /** Lets so much time pass for the check and the view. */
      const pass = (seconds: number) =>
        thing.on.control.query(`
          update etl.consistency_check set looked_at = looked_at - interval '${seconds} seconds';
          update etl.view_source set captured_at = captured_at - interval '${seconds} seconds'`);

      it('counts no row whose log row comes within the settle time, however many batches come before it', async () => {
        const patient = await thing.on.anotherProcess({ CHECK_SETTLE_SECONDS: '30' });
        await changeUnlogged('3', 'late');
        const waiting = await patient.check({}, VIEW);
        assert.ok(waiting.outcome === 'waiting');
        await thing.on.catchUp(VIEW);
        assert.partialDeepStrictEqual(await patient.continueCheck(waiting), { outcome: 'waiting' });
        await pass(29);
        await thing.on.catchUp(VIEW);
        assert.partialDeepStrictEqual(await patient.continueCheck(waiting), { outcome: 'waiting' });
        assert.deepEqual(await thing.on.mailboxes.extract.take(), []);
        await thing.log('3');
        await pass(2);
        assert.partialDeepStrictEqual(await patient.continueCheck(waiting), { outcome: 'waiting' });
        assert.deepEqual(await thing.on.mailboxes.extract.take(), [{ view: VIEW, trigger: 'check' }]);
        await thing.on.catchUp(VIEW);
        assertConsistent(await patient.continueCheck(waiting));
      });

      it('waits for a batch or an empty capture that began after the first look', async () => {
        await changeUnlogged('3', 'changed');
        for (const isIdle of [true, false]) {
          if (!isIdle) await thing.put('1', { note: `'logged'` });
          const extracting = await thing.on.anotherProcess();
          const { control } = extracting.dependencies;
          const begun = Promise.withResolvers<void>();
          const ended = Promise.withResolvers<void>();
          const atEnd =
            <T extends unknown[], R>(work: (...given: T) => Promise<R>) =>
            async (...given: T): Promise<R> => {
              begun.resolve();
              await ended.promise;
              return await work(...given);
            };
          extracting.dependencies = {
            ...extracting.dependencies,
            control: {
              ...control,
              checkpoints: { ...control.checkpoints, move: atEnd(control.checkpoints.move) },
              batches: { ...control.batches, begin: atEnd(control.batches.begin) },
            },
          };
          const checking = await thing.on.anotherProcess();
          const { consistencyChecks } = checking.dependencies.control;
          let extracted: ReturnType<typeof extracting.extract> | undefined;
          checking.dependencies = {
            ...checking.dependencies,
            control: {
              ...checking.dependencies.control,
              consistencyChecks: {
                ...consistencyChecks,
                confirmLater: async (...given) => {
                  extracted = extracting.extract(VIEW);
                  await begun.promise;
                  await consistencyChecks.confirmLater(...given);
                },
              },
            },
          };
          const waiting = await checking.check({}, VIEW);
          assert.ok(waiting.outcome === 'waiting');
          ended.resolve();
          const batch = await extracted;
          if (batch?.outcome === 'staged') await thing.apply(batch);
          else assert.ok(isIdle && batch?.outcome === 'idle');
          assert.partialDeepStrictEqual(await thing.on.continueCheck(waiting), { outcome: 'waiting' });
          await thing.on.catchUp(VIEW);
          assert.equal((await thing.on.continueCheck(waiting)).outcome, 'differences found');
        }
      });

      it('ends without an answer once a resync is requested', async () => {
        await changeUnlogged('3', 'changed');
        const waiting = await thing.on.check({}, VIEW);
        assert.ok(waiting.outcome === 'waiting');
        await thing.on.dependencies.control.viewStops.requestResync(VIEW, {
          isWanted: true,
          acceptsDeletes: false,
        });
        assert.deepEqual(await thing.on.continueCheck(waiting), {
          outcome: 'skipped',
          view: VIEW,
          reason: 'a resync is requested',
        });
        assert.equal((await thing.on.continueCheck(waiting)).outcome, 'already finished');
      });

      it('is not made at a moment when the whole view is on its way', async () => {
        await changeUnlogged('3', 'changed');
        await thing.on.dependencies.control.viewStops.requestResync(VIEW, {
          isWanted: true,
          acceptsDeletes: false,
        });
        const batch = await thing.stage();
        await thing.on.control.query('update etl.view_source set resync_requested_at = null');
        await assert.rejects(thing.on.check({}, VIEW), { kind: 'transient' });
        await thing.apply(batch);
        const { rows } = await thing.on.control.query('select id::text as check from etl.consistency_check');
        assertConsistent(await thing.on.continueCheck({ view: VIEW, check: rows[0].check }));
      });

      it('takes no moment during which another process has had the view', async () => {
        const held = stack.bigquery.faults.holdNext('bigquery.job.query');
        const refused = assert.rejects(thing.on.check({}, VIEW), { kind: 'superseded' });
        await held.reached;
        await thing.on.control.query(
          `update etl.lease set expires_at = now() - interval '1 second' where name = $1`,
          [VIEW],
        );
        await thing.put('1', { note: `'meanwhile'` });
        await thing.replicate();
        held.release();
        await refused;
        const { rows } = await thing.on.control.query(
          'select id::text as check, state, target_as_of from etl.consistency_check',
        );
        assert.partialDeepStrictEqual(rows, [{ state: 'comparing', target_as_of: null }]);
        assertConsistent(await thing.on.continueCheck({ view: VIEW, check: rows[0].check }));
      });

      if (loadType === 'merge') {
        it('counts no row of a merge that runs on while nobody holds the view', async () => {
          await thing.put('1', { note: `'third'` });
          await thing.delete('2');
          const batch = await thing.stage();
          const held = stack.bigquery.faults.holdNext('bigquery.job.query');
          const hurried = await thing.on.hurriedProcess(held);
          assert.equal((await hurried.merge(batch)).outcome, 'running');

          assertConsistent(await thing.on.check({}, VIEW));

          held.release();
          await until(async () => (await thing.target()).some(({ note }) => note === 'third'));
          assert.deepEqual((await thing.on.states(VIEW)).at(-1), 'applying');
          assertConsistent(await thing.on.check({}, VIEW));
          assert.equal((await thing.on.merge(batch)).outcome, 'applied');
          assertConsistent(await thing.on.check({}, VIEW));
        });
      }
    });
  }
});
