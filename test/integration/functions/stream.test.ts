import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { dropAfterEffect, failAfterEffect, failBefore, pass, refuse } from '../../emulators/faults.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;

describe('streaming a view', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(() =>
    on.source.add(
      'app_incident',
      { id: 1, inventory_id: 7, type: 'broken', opened: '2026-01-02T03:04:05Z' },
      { id: 2, type: 'noisy', closed: '2026-02-03T04:05:06Z', opened: '2025-12-31T23:59:59Z' },
    ),
  );

  const appends = () => stack.bigquery.faults.calls.filter((call) => call === 'AppendRows').length;
  const numbers = () =>
    on.query(
      `select incident_id, etl_transaction_id from ${on.targetTable('incident')} order by incident_id`,
    );

  describe('the initial load', () => {
    it('uses a load job for an empty target, with the batch id and its time in every row', async () => {
      const batch = await on.stage(VIEW);
      assert.deepEqual(await on.mailboxes.stream.take(), [
        { view: VIEW, etlTransactionId: batch.etlTransactionId },
      ]);
      assert.deepEqual(await on.mailboxes.merge.take(), []);

      const applied = await on.stream(batch);

      assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2', changed: '0', deleted: '0' });
      assert.equal(appends(), 0);
      await on.assertIncidentsEqual();
      const [{ started_at: startedAt } = {}] = await on.batches(VIEW);
      assert.deepEqual(
        await on.query(`select distinct update_at, etl_transaction_id from ${on.targetTable('incident')}`),
        [{ update_at: (startedAt as Date).toISOString(), etl_transaction_id: batch.etlTransactionId }],
      );
    });

    it('of an empty view leaves an empty target', async () => {
      await on.source.database.query('delete from app_incident');

      assert.partialDeepStrictEqual(await on.replicate(VIEW), { outcome: 'applied', added: '0' });

      await on.source.add('app_incident', { id: 3 });
      await on.replicate(VIEW);
      await on.assertIncidentsEqual();
    });

    it('I5 that was not recorded as applied is found again, not repeated', async () => {
      const batch = await on.stage(VIEW);
      const { dependencies } = on;
      const markApplied = () => Promise.reject(new DataHubError('transient', 'the database is away'));
      const batches = { ...dependencies.control.batches, markApplied };
      on.dependencies = { ...dependencies, control: { ...dependencies.control, batches } };
      await assert.rejects(on.stream(batch), { kind: 'transient' });
      on.dependencies = dependencies;

      const applied = await on.stream(batch);

      assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2' });
      assert.equal(appends(), 0);
      await on.assertIncidentsEqual();
    });

    it('into a target with rows is streamed, and deletes the rows that the view has lost since', async () => {
      await on.replicate(VIEW);
      await on.source.add('app_incident', { id: 3 });
      // A row that no batch has written.
      await on.query(`insert into ${on.targetTable('incident')} (incident_id) values (99)`);
      // No batch captures this log row: the old control database is gone, and the new one begins after it.
      await on.source.delete('app_incident', 2);
      const reborn = await stack.takingOver(on);

      const applied = await reborn.replicate(VIEW);

      assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2', deleted: '2' });
      await on.assertIncidentsEqual();
    });

    it('I2 into a target with rows never deletes its own rows, however outdated the list of stale keys is', async () => {
      await on.replicate(VIEW);
      const reborn = await stack.takingOver(on);
      const { dependencies } = reborn;
      const outdated = async function* () {
        yield [{ incident_id: '1' }, { incident_id: '2' }];
      };
      reborn.dependencies = {
        ...dependencies,
        warehouse: { ...dependencies.warehouse, staleKeys: outdated },
      };

      await reborn.replicate(VIEW);

      await on.assertIncidentsEqual();
    });

    it('of an empty view never empties a target', async () => {
      await on.replicate(VIEW);
      await on.source.database.query('delete from app_incident');
      const reborn = await stack.takingOver(on);

      await assert.rejects(reborn.extract(VIEW), {
        kind: 'configuration',
        message: /has no rows, but its target has 2/,
      });
    });

    const jobs = {
      'the load': { isReload: false, call: 'bigquery.job.load', before: [] },
      'the count of its rows': { isReload: true, call: 'bigquery.job.query', before: [] },
      'the query for stale keys': { isReload: true, call: 'bigquery.job.query', before: [pass()] },
    };
    for (const [what, { isReload, call, before }] of Object.entries(jobs)) {
      it(`I8 continues after ${what} has failed repeatedly for a transient reason`, async () => {
        if (isReload) await on.replicate(VIEW);
        await on.source.add('app_incident', { id: 3 });
        await on.source.delete('app_incident', 2);
        const loaded = isReload ? await stack.takingOver(on) : on;
        const batch = await loaded.stage(VIEW);
        const failing = Array.from({ length: 4 }, () => failJob('backendError'));
        stack.bigquery.faults.next(call, ...before, ...failing);

        await assert.rejects(loaded.stream(batch), { kind: 'transient' });
        const applied = await loaded.stream(batch);

        const deleted = isReload ? '1' : '0';
        assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2', deleted });
        assert.deepEqual(stack.bigquery.faults.unused, []);
        await on.assertIncidentsEqual();
      });
    }

    it('I4 is not overwritten by a request that was sent to the dropped table', async () => {
      await on.replicate(VIEW);
      await on.source.change('app_incident', 1, { type: 'older' });
      const batch = await on.stage(VIEW);
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const sleeper = await on.anotherProcess();
      const asleep = sleeper.stream(batch).catch(() => undefined);
      await held.reached;
      await on.query(`drop table ${on.targetTable('incident')}`);
      await on.source.change('app_incident', 1, { type: 'newer' });
      const reborn = await stack.takingOver(on);
      await reborn.replicate(VIEW);

      held.release();
      await asleep;

      await on.assertIncidentsEqual();
    });
  });

  describe('a batch', () => {
    beforeEach(async () => {
      await on.replicate(VIEW);
      await on.mailboxes.stream.take();
    });

    it('I1 is written as upserts and deletes, and counted', async () => {
      await on.source.add('app_incident', { id: 3, type: 'new' });
      await on.source.change('app_incident', 1, { type: null, owner: 'Zoë' });
      await on.source.delete('app_incident', 2);

      const applied = await on.replicate(VIEW);

      assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '1', changed: '1', deleted: '1' });
      await on.assertIncidentsEqual();
      const [, batch] = await on.batches(VIEW);
      assert.ok(batch);
      assert.partialDeepStrictEqual(batch, {
        state: 'applied',
        kind: 'incremental',
        rows_added: '1',
        rows_changed: '1',
        rows_deleted: '1',
      });
      assert.match(String(batch.apply_job_id), /^stream_SMartDataAnalytics_xyz_incident_\d+_1$/);
      // The same at every attempt, so that a repeated row is identical.
      const clocks = await on.query(
        `select update_at from ${on.targetTable('incident')} where incident_id = 3`,
      );
      assert.deepEqual(clocks, [{ update_at: (batch.started_at as Date).toISOString() }]);
    });

    it('I2 moves the checkpoint when it is applied, not before', async () => {
      const before = await on.checkpointOf(VIEW);
      await on.source.change('app_incident', 1, { type: 'worse' });
      const batch = await on.stage(VIEW);
      assert.deepEqual(await on.checkpointOf(VIEW), before);

      await on.stream(batch);

      assert.notDeepEqual(await on.checkpointOf(VIEW), before);
      assert.partialDeepStrictEqual(await on.extract(VIEW), { outcome: 'idle' });
    });

    it('I1 deletes a row that leaves the view, and adds it when it returns', async () => {
      await on.source.change('app_incident', 1, { is_hidden: true });
      assert.partialDeepStrictEqual(await on.replicate(VIEW), { deleted: '1' });
      await on.assertIncidentsEqual();

      await on.source.change('app_incident', 1, { is_hidden: false });
      await on.replicate(VIEW);

      await on.assertIncidentsEqual();
      assert.deepEqual(
        (await numbers()).map(({ incident_id: key }) => key),
        ['1', '2'],
      );
    });

    it('I5 that was applied is not applied again', async () => {
      await on.source.change('app_incident', 1, { type: 'worse' });
      const batch = await on.stage(VIEW);
      await on.stream(batch);
      const [target, sent] = [await numbers(), appends()];

      const again = await on.stream(batch);

      assert.partialDeepStrictEqual(again, { outcome: 'already finished', state: 'applied' });
      assert.deepEqual(await numbers(), target);
      assert.equal(appends(), sent);
    });

    it('I7 that is written late does not overwrite a newer one', async () => {
      await on.source.change('app_incident', 1, { type: 'older' });
      await on.source.delete('app_incident', 2);
      const older = await on.stage(VIEW);
      // Its process sleeps with the request on its way; another one does the work, and goes on.
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const sleeper = await on.anotherProcess();
      const asleep = assert.rejects(sleeper.stream(older), { kind: 'superseded' });
      await held.reached;
      await on.control.query('delete from etl.lease');
      await on.stream(older);
      await on.source.change('app_incident', 1, { type: 'newer' });
      await on.source.add('app_incident', { id: 2, type: 'again' });
      await on.replicate(VIEW);

      held.release();
      await asleep;

      await on.assertIncidentsEqual();
    });

    it('I4 is left to the process that took the view over, even while a request waits for its answer', async () => {
      await on.source.change('app_incident', 1, { type: 'worse' });
      const batch = await on.stage(VIEW);
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const sleeper = await on.anotherProcess({ LEASE_SECONDS: '1' });
      const asleep = assert.rejects(sleeper.stream(batch), { kind: 'superseded' });
      await held.reached;
      await on.control.query('delete from etl.lease');
      await on.stream(batch);

      await asleep;

      held.release();
      await on.assertIncidentsEqual();
    });

    it('continues where an earlier call reached its time limit', async () => {
      const hasty = await on.anotherProcess({ MAX_PART_BYTES: '20000', TIME_LIMIT_SECONDS: '9000' });
      await on.source.database.query(`
        with added as (
          insert into app_incident (id, type) select i, repeat('x', 100) from generate_series(10, 2009) i returning id)
        insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`);
      await on.source.delete('app_incident', 2);
      const batch = await hasty.stage(VIEW);
      assert.ok((await on.stagedObjects(batch)).length > 5);
      await on.mailboxes.stream.take();
      // Two pages of rows take as long as the call may read, and nothing else takes any time: 20 seconds are left for the answers.
      const pageMs = (9000 - 30 - 20) * 500;
      let nowMs = Date.now();
      const { warehouse } = hasty.dependencies;
      const appendSlowly: typeof warehouse.appendRows = (append) =>
        warehouse.appendRows({
          ...append,
          async *rowsUntil(stop) {
            for await (const rows of append.rowsUntil(stop)) {
              yield rows;
              nowMs += pageMs;
            }
          },
        });
      hasty.dependencies = {
        ...hasty.dependencies,
        clock: { nowMs: () => nowMs },
        warehouse: { ...warehouse, appendRows: appendSlowly },
      };
      let continued = 0;

      for (;;) {
        const { outcome, ...result } = await hasty.stream(batch);
        if (outcome === 'continued') {
          const announced = { view: VIEW, etlTransactionId: batch.etlTransactionId };
          assert.deepEqual(await on.mailboxes.stream.take(), [announced]);
          continued += 1;
          assert.ok(continued < 100, 'the batch makes no progress');
          continue;
        }
        assert.partialDeepStrictEqual(
          { outcome, ...result },
          { outcome: 'applied', added: '2000', deleted: '1' },
        );
        break;
      }

      assert.ok(continued > 2, `continued ${continued} times`);
      await on.assertIncidentsEqual();
    });

    const passing = {
      'fails before anything is written': failBefore('UNAVAILABLE'),
      'fails after it was written': failAfterEffect('UNAVAILABLE'),
      'loses its connection after it was written': dropAfterEffect(),
      'meets a connection that was closed for idleness': failBefore('ABORTED'),
      'exceeds a quota': refuse('RESOURCE_EXHAUSTED'),
      'reaches a server that does not know the table yet': failBefore('NOT_FOUND'),
    };
    for (const [what, fault] of Object.entries(passing)) {
      it(`I5 whose request ${what} is sent again and written once`, async () => {
        await on.source.add('app_incident', { id: 3 });
        await on.source.change('app_incident', 1, { type: 'worse' });
        const batch = await on.stage(VIEW);
        stack.bigquery.faults.next('AppendRows', fault);

        const applied = await on.stream(batch);

        assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '1', changed: '1' });
        assert.deepEqual(stack.bigquery.faults.unused, []);
        assert.equal(appends(), 2);
        await on.assertIncidentsEqual();
      });
    }
  });
});
