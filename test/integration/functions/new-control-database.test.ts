import assert from 'node:assert/strict';
import { failBefore, pass } from '../../emulators/faults.ts';
import type { Applied, Installation } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a control database that does not know what the target contains', () => {
  const { on, stack } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
  });

  /** Rows of the target with their update time, for checks that nothing changed at all. */
  const image = (condition = 'true') =>
    on.query(`select * from ${on.targetTable()} where ${condition} order by project_id`);

  describe('because it is new', () => {
    it('I1 marks and counts rows as deleted that the source has lost since, and leaves rows deleted before', async () => {
      await on.source.add('app_project', { id: 3, name: 'three' }, { id: 4, name: 'four' });
      await on.source.add('app_site', { id: 1, name: 'depot' });
      await on.replicate();
      await on.replicate('pmr_site');
      await on.source.delete('app_project', 4);
      await on.replicate();
      const [deletedBefore, sites] = [await image('project_id = 4'), await on.target('site')];
      // No batch captures this log row: the old control database is gone, and the new one begins after it.
      await on.source.delete('app_project', 2);

      const reborn = await stack.takingOver(on);
      const merged = await reborn.replicate();

      const { etlTransactionId: id } = merged;
      assert.ok(Number(id) > Number(deletedBefore[0]?.etl_transaction_id));
      assert.partialDeepStrictEqual(merged, { added: '0', changed: '0', deleted: '1', unchanged: '2' });
      assert.partialDeepStrictEqual((await reborn.batches())[0], {
        kind: 'resync',
        rows_added: '0',
        rows_changed: '0',
        rows_unchanged: '2',
        rows_deleted: '1',
      });
      assert.partialDeepStrictEqual(await on.target(), [
        { project_id: '1', name: 'one', is_deleted: false },
        { project_id: '2', name: 'two', is_deleted: true, etl_transaction_id: id },
        { project_id: '3', name: 'three', is_deleted: false },
        { project_id: '4', is_deleted: true },
      ]);
      assert.deepEqual(await image('project_id = 4'), deletedBefore);
      assert.deepEqual(await on.target('site'), sites);
      await reborn.assertEqual();
    });

    it('I1 deletes nothing in a later batch, which contains only the changes', async () => {
      const reborn = await stack.takingOver(on);
      await reborn.replicate();
      const untouched = await image('project_id = 2');
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.add('app_project', { id: 3, name: 'three' });

      assert.partialDeepStrictEqual(await reborn.replicate(), { added: '1', changed: '1', deleted: '0' });

      assert.deepEqual(await image('project_id = 2'), untouched);
      await reborn.assertEqual();
    });

    it('I7 skips batch ids that have staged objects but never reached the target', async () => {
      await leaveObjectsOf(2);
      // The first skip, from 2, leads there.
      await leaveObjectsOf(1003);
      const reborn = await stack.takingOver(on);

      const { merged, attempts } = await replicateAtLast(reborn);

      assert.equal(attempts, 3);
      assert.ok(Number(merged.etlTransactionId) > 2000);
      await reborn.assertEqual();
    });

    it('I7 skips batch ids that have jobs but never reached the target, when their objects and rows are gone', async () => {
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.stage();
      await on.query(`truncate table ${on.tempTable()}`);
      await on.bucket.deleteFiles();
      const reborn = await stack.takingOver(on);

      const { attempts } = await replicateAtLast(reborn);

      assert.equal(attempts, 2);
      await reborn.assertEqual();
    });

    it('refuses to load an empty view, which would empty the target, until it has rows again', async () => {
      await on.source.database.query('update app_project set is_dummy = true');
      const before = await image();
      const reborn = await stack.takingOver(on);
      const refusal = {
        kind: 'configuration',
        message:
          'view pmr_project has no rows, but its target has 2 from before: a load would delete them all',
      };

      await assert.rejects(reborn.extract(), refusal);
      assert.equal(await reborn.haltedReason(), refusal.message);
      assert.partialDeepStrictEqual(await reborn.extract(), { outcome: 'skipped' });
      await reborn.dependencies.control.viewStops.resume('pmr_project');
      await assert.rejects(reborn.extract(), refusal);

      assert.deepEqual(await image(), before);
      assert.deepEqual(await reborn.batches(), []);
      await on.source.database.query('update app_project set is_dummy = false where id = 1');
      await reborn.dependencies.control.viewStops.resume('pmr_project');
      assert.partialDeepStrictEqual(await reborn.replicate(), { added: '0', unchanged: '1', deleted: '1' });
      await reborn.assertEqual();
    });

    it('refuses a view that became empty between two attempts at its first load', async () => {
      const before = await image();
      const reborn = await stack.takingOver(on);
      // BigQuery creates the tables and the reporting view, and refuses the load.
      stack.bigquery.faults.next('bigquery.jobs.insert', pass(), pass(), failBefore(403, 'accessDenied'));
      await assert.rejects(reborn.extract(), { kind: 'unauthorized' });
      await on.source.database.query('update app_project set is_dummy = true');

      await assert.rejects(reborn.extract(), { kind: 'configuration', message: /has no rows/ });

      assert.deepEqual(await image(), before);
      await on.source.database.query('update app_project set is_dummy = false where id = 1');
      await reborn.dependencies.control.viewStops.resume('pmr_project');
      assert.partialDeepStrictEqual(await reborn.replicate(), { unchanged: '1', deleted: '1' });
      await reborn.assertEqual();
    });

    it('loads an empty view into a target whose rows are all deleted', async () => {
      await on.source.delete('app_project', 1);
      await on.source.delete('app_project', 2);
      await on.replicate();
      const before = await image();
      const reborn = await stack.takingOver(on);

      assert.partialDeepStrictEqual(await reborn.replicate(), { added: '0', changed: '0', deleted: '0' });

      assert.deepEqual(await image(), before);
    });
  });

  describe('because it was restored from a backup', () => {
    it('I2 captures again what was applied since the backup, under new batch ids', async () => {
      const backup = await on.backUpControl();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.replicate();
      await on.source.delete('app_project', 2);
      await on.source.add('app_project', { id: 3, name: 'three' });
      const last = await on.replicate();
      await backup.restore();

      const { merged } = await replicateAtLast(on);

      assert.ok(Number(merged.etlTransactionId) > Number(last.etlTransactionId));
      await on.assertEqual();
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
      await on.source.add('app_project', { id: 2, name: 'two again' });
      assert.partialDeepStrictEqual(await on.replicate(), { added: '1' });
      await on.assertEqual();
    });

    it('I5 finishes its batch in flight by the result of the existing job, and continues', async () => {
      await on.source.change('app_project', 1, { name: 'uno' });
      const batch = await on.stage();
      const backup = await on.backUpControl();
      await on.merge(batch);
      await on.source.change('app_project', 1, { name: 'eins' });
      await on.replicate();
      await backup.restore();
      const before = await image();

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', changed: '1' });
      assert.deepEqual(await image(), before);
      await replicateAtLast(on);

      await on.assertEqual();
    });
  });

  /** Begins a batch with this id, whose objects are staged and whose rows never reach BigQuery. */
  async function leaveObjectsOf(id: number): Promise<void> {
    await on.source.change('app_project', 1, { name: `of batch ${id}` });
    await on.control.query(`select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), $1)`, [
      id - 1,
    ]);
    stack.bigquery.faults.next('bigquery.jobs.insert', failBefore(403, 'accessDenied'));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    const batch = { view: 'pmr_project', etlTransactionId: String(id) };
    assert.notDeepEqual(await on.stagedObjects(batch), []);
  }
});

/** Extracts until the batch id does not belong to an earlier control database, and applies the batch. */
async function replicateAtLast(on: Installation): Promise<{ merged: Applied; attempts: number }> {
  for (let attempts = 1; ; attempts += 1) {
    const merged = await on.replicate().catch((error: { kind?: string }) => {
      if (error.kind !== 'batch_id_collision' || attempts > 5) throw error;
      return null;
    });
    if (merged !== null) return { merged, attempts };
  }
}
