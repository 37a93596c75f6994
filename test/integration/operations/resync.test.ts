import assert from 'node:assert/strict';
import { failBefore } from '../../emulators/faults.ts';
import { INCIDENTS, PROJECT, useOperator } from './use-operator.ts';

describe('an operator', () => {
  const { on, stack, ask } = useOperator();

  describe('resyncs a view', () => {
    const resync = async (view: string) => {
      assert.deepEqual(await ask({ view, resync: true }), { outcome: 'resync requested', view });
      return await on.replicate(view);
    };

    it('I1 I7 which repairs any difference in its target, and counts them', async () => {
      await on.replicate();
      await on.query(`update SMartDataAnalytics.project set name = 'wrong' where project_id = 1`);
      await on.query(`delete from SMartDataAnalytics.project where project_id = 2`);
      await on.query(
        `insert into SMartDataAnalytics.project (project_id, name, is_deleted, etl_transaction_id) values (9, 'extra', false, 1)`,
      );

      assert.partialDeepStrictEqual(await resync(PROJECT), { added: '1', changed: '1', deleted: '1' });

      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      await on.assertEqual();
      await on.source.change('app_project', 1, { name: 'changed after it' });
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });

    it('I1 I7 which repairs a streamed target, too', async () => {
      await on.replicate(INCIDENTS);
      await on.source.database.query(`update app_incident set type = 'not logged' where id = 1`);
      await on.source.database.query('delete from app_incident where id = 2');
      await on.source.database.query(`insert into app_incident (id, type) values (3, 'not logged')`);

      await resync(INCIDENTS);

      assert.deepEqual(
        (await on.batches(INCIDENTS)).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      await on.assertIncidentsEqual();
      await on.source.delete('app_incident', 3);
      await on.replicate(INCIDENTS);
      await on.assertIncidentsEqual();
    });

    for (const view of [PROJECT, INCIDENTS]) {
      it(`I2 ${view}, whose source was restored from a backup and has been refused since`, async () => {
        await on.replicate(view);
        await on.source.database.query(
          `truncate models_logging_change; alter sequence models_logging_change_id_seq restart`,
        );
        const table = view === PROJECT ? 'app_project' : 'app_incident';
        await on.source.delete(table, 2);
        await assert.rejects(on.extract(view), { kind: 'source_refused', advice: /Resync the view/ });

        await resync(view);

        await on.assertEqual(view);
        await on.source.delete(table, 1);
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it(`${view}, whose target is gone`, async () => {
        await on.replicate(view);
        const target = view === PROJECT ? 'project' : 'incident';
        await on.query(`drop table SMartDataAnalytics.${target}`);
        const table = view === PROJECT ? 'app_project' : 'app_incident';
        await on.source.delete(table, 1);
        await assert.rejects(on.extract(view), { kind: 'configuration', advice: /resync the view/i });

        await resync(view);

        await on.assertEqual(view);
      });
    }

    it('I2 while a batch is in flight, which is applied first', async () => {
      const batch = await on.stage();
      await ask({ view: PROJECT, resync: true });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      await on.merge(batch);

      await on.replicate();
      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
      await on.assertEqual();
    });

    it('I2 again, when it is requested during a resync', async () => {
      await on.replicate();
      await ask({ view: PROJECT, resync: true });
      const first = await on.stage();
      await ask({ view: PROJECT, resync: true });
      await on.merge(first);

      await on.replicate();

      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync', 'resync'],
      );
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
    });

    it('I2 even when it is requested between the snapshot of a batch and its beginning', async () => {
      for (const kind of ['initial', 'resync']) {
        if (kind === 'resync') await ask({ view: PROJECT, resync: true });
        const held = stack.bigquery.faults.holdNext('bigquery.tables.get');
        const staging = on.stage();
        await held.reached;
        await on.source.database.query(`update app_project set name = 'not logged, ${kind}' where id = 1`);
        await ask({ view: PROJECT, resync: true });
        held.release();
        await on.merge(await staging);

        assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', unchanged: '1' });
        await on.assertEqual();
      }
    });

    for (const view of [PROJECT, INCIDENTS]) {
      it(`I2 ${view}, whose target was created again by a failed resync that is then withdrawn`, async () => {
        await on.replicate(view);
        await on.query(`drop table SMartDataAnalytics.${view === PROJECT ? 'project' : 'incident'}`);
        await ask({ view, resync: true });
        stack.storage.faults.next('storage.objects.insert', failBefore(403));
        await assert.rejects(on.extract(view), { kind: 'unauthorized' });
        await ask({ view, resync: false });

        await on.replicate(view);

        await on.assertEqual(view);
      });
    }

    it('and fetches recently logged keys once more, if the view is rechecked', async () => {
      await on.control.query(`update etl.view_source set recheck_seconds = 60 where name = '${PROJECT}'`);
      for (const kind of ['initial', 'resync']) {
        if (kind === 'resync') await ask({ view: PROJECT, resync: true });
        await on.replicate();
        // The data of a log row that was already captured are committed only now.
        await on.source.database.query(`update app_project set name = 'late, ${kind}' where id = 1`);
        await on.control.query('update etl.queued_key set due_at = now()');

        await on.replicate();

        await on.assertEqual();
      }
    });

    it('not when the request is withdrawn', async () => {
      await on.replicate();
      await ask({ view: PROJECT, resync: true });

      assert.deepEqual(await ask({ view: PROJECT, resync: false }), {
        outcome: 'resync withdrawn',
        view: PROJECT,
      });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
    });

    it('I3 and captures a transaction afterwards that was open meanwhile', async () => {
      await on.replicate();
      const late = await on.source.database.connect();
      await late.query('begin');
      await late.query(`update app_project set name = 'late' where id = 1`);
      await late.query(
        `insert into models_logging_change (content_type_id, object_id, action, changed_data, date_created)
         select content_type_id, '1', 'changed', '{"name": {}}', now() from models_logging_change where action = 'added' order by id limit 1`,
      );
      await on.source.change('app_project', 2, { name: 'early' });
      await resync(PROJECT);
      await late.query('commit');
      late.release();

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });
  });
});
