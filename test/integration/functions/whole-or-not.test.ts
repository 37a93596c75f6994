import assert from 'node:assert/strict';
import { useInstallation } from '../../support/use-installation.ts';

describe('a merge', () => {
  const { on, stack } = useInstallation();

  /** The target with its update times, for checks that nothing changed at all. */
  const image = () => on.query(`select * from ${on.targetTable()} order by project_id`);

  it('I6 shows readers a whole batch or nothing of it', async () => {
    await on.source.database.query(
      `insert into app_project (id, name) select n, 'old' from generate_series(1, 5000) n`,
    );
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'new'`);
    await on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action) select id::text, 7, 'changed' from app_project`,
    );
    const batch = await on.stage();

    const merging = on.merge(batch);
    const seen = [];
    let isMerged = false;
    const end = () => {
      isMerged = true;
    };
    merging.then(end, end);
    do {
      const [counts] = await on.query(
        `select countif(name = 'new') as new, count(distinct etl_transaction_id) as batches, count(*) as n from ${on.targetTable()}`,
      );
      seen.push(counts);
    } while (!isMerged);

    assert.partialDeepStrictEqual(await merging, { outcome: 'applied', changed: '5000' });
    for (const counts of seen) {
      assert.ok(counts?.new === '0' || counts?.new === '5000', JSON.stringify(counts));
      assert.deepEqual([counts?.batches, counts?.n], ['1', '5000']);
    }
  });

  it('I6 of duplicate rows changes nothing, and halts only its own view with the reason', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    const batch = await on.stage();
    const id = batch.etlTransactionId;
    await on.query(`insert into ${on.tempTable()} select * from ${on.tempTable()} where project_id = 1`);
    const [before, checkpoint] = [await image(), await on.checkpointOf()];

    await assert.rejects(on.merge(batch), {
      kind: 'bad_data',
      message: /the temp table has 3 staged rows instead of 2, with 2 different keys; repeated keys: 1/,
    });

    assert.deepEqual(await image(), before);
    assert.deepEqual(await on.checkpointOf(), checkpoint);
    assert.deepEqual(await on.states(), ['applied', 'failed']);
    assert.match(String(await on.haltedReason()), /repeated keys: 1/);
    const [error] = await on.errors();
    assert.partialDeepStrictEqual(error, {
      function_name: 'merge',
      view_name: 'pmr_project',
      etl_transaction_id: id,
      kind: 'bad_data',
      event: JSON.stringify({ view: 'pmr_project', etlTransactionId: id }),
      resolved_at: null,
    });
    // The halted view ignores further events. The other view continues.
    assert.partialDeepStrictEqual(await on.extract(), {
      outcome: 'skipped',
      reason: `halted: ${await on.haltedReason()}`,
    });
    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
    await on.source.add('app_site', { id: 1, name: 'depot' });
    assert.partialDeepStrictEqual(await on.replicate('pmr_site'), { added: '1' });

    await on.source.add('app_project', { id: 3, name: 'three' });
    await on.dependencies.control.viewStops.resume('pmr_project');
    assert.partialDeepStrictEqual(await on.replicate(), { added: '1', changed: '1', deleted: '1' });

    assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
    await on.assertEqual();
  });

  it('ignores rows of other batches in the temp table, and leaves none behind', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    const batch = await on.stage();
    await on.query(
      `insert into ${on.tempTable()} (project_id, name, action, etl_transaction_id) values (9, 'of a lost batch', 'added', 999)`,
    );

    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '1' });

    await on.assertEqual();
    assert.deepEqual(await on.query(`select count(*) as n from ${on.tempTable()}`), [{ n: '0' }]);
  });

  it('I7 of a batch below one in the ledger is refused completely', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'older' });
    const batch = await on.stage();
    await on.query(`insert into ${on.ledger()} (view, etl_transaction_id) values ('pmr_project', 1000)`);
    const before = await image();

    await assert.rejects(on.merge(batch), {
      kind: 'merge_refused',
      message:
        /\[smart-datahub:superseded\] batch 2 was not merged, because the newer batch 1000 was merged before/,
    });

    assert.deepEqual(await image(), before);
    assert.match(String(await on.haltedReason()), /batch 1000/);
  });

  it('I7 counts the rows whose image in the target is newer, and fails; after a resume, batch ids start above them', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.change('app_project', 2, { name: 'due' });
    const batch = await on.stage();
    await on.query(
      `update ${on.targetTable()} set name = 'of another control database', etl_transaction_id = 1000 where project_id = 2`,
    );
    const before = await image();

    await assert.rejects(on.merge(batch), {
      kind: 'merge_refused',
      message: /\[smart-datahub:refused\] 1 rows of the target come from batch 2 or a newer one/,
      advice: /second control database/,
    });
    assert.deepEqual(await image(), before);

    await on.dependencies.control.viewStops.resume('pmr_project');
    const merged = await on.replicate();

    assert.ok(Number(merged.etlTransactionId) > 1000);
    await on.assertEqual();
  });

  it('I7 is not captured while the ledger of a loaded view is gone, until a resync', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.query(`drop table ${on.ledger()}`);
    await on.source.change('app_project', 1, { name: 'uno' });

    await assert.rejects(on.extract(), {
      kind: 'configuration',
      message: /view pmr_project was merged before, but the ledger of merged batches is gone/,
      advice: /resync/,
    });
    await on.dependencies.control.viewStops.requestResync('pmr_project', {
      isWanted: true,
      acceptsDeletes: false,
    });

    assert.partialDeepStrictEqual(await on.replicate(), { outcome: 'applied', changed: '1' });
    await on.assertEqual();
  });

  const traces: [what: string, forgetOthers: () => Promise<unknown>, message: RegExp][] = [
    ['staged objects', async () => undefined, /staged object/],
    ['load job', () => on.bucket.deleteFiles(), /job load_SMartDataAnalytics_pmr_project_2_1_1/],
  ];
  for (const [what, forgetOthers, message] of traces) {
    it(`I7 after a restore of the control database is not confused with the earlier batch of the same id, by its ${what}`, async () => {
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      const backup = await on.backUpControl();
      await on.source.change('app_project', 1, { name: 'lost with the control database' });
      await on.replicate();
      await on.source.add('app_project', { id: 2, name: 'two' });
      await on.replicate();
      await forgetOthers();
      await backup.restore();
      await on.source.change('app_project', 1, { name: 'uno' });

      await assert.rejects(on.extract(), { kind: 'batch_id_collision', message });
      const merged = await on.replicate();

      assert.ok(Number(merged.etlTransactionId) > 3);
      await on.assertEqual();
    });
  }

  it('I7 of a new control database has a batch id above the highest in an old target', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.query(`update ${on.targetTable()} set etl_transaction_id = 500 where project_id = 1`);
    await on.query(`insert into ${on.ledger()} (view, etl_transaction_id) values ('pmr_project', 700)`);
    await on.source.database.query(`update app_project set name = 'uno' where id = 1`);

    const reborn = await stack.takingOver(on);
    const merged = await reborn.replicate();

    assert.partialDeepStrictEqual(merged, {
      etlTransactionId: '701',
      added: '0',
      changed: '1',
      unchanged: '1',
      deleted: '0',
    });
    await reborn.assertEqual();
  });
});
