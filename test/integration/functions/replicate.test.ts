import assert from 'node:assert/strict';
import { useInstallation } from '../../support/use-installation.ts';

describe('a view is replicated', () => {
  const { on, stack } = useInstallation();

  it('completely the first time, with NULLs as NULLs', async () => {
    await on.source.add('app_company', { id: 1, name: 'Möbel & Söhne' });
    await on.source.add(
      'app_project',
      { id: 1, name: 'Depot', company_id: 1, share: '0.125', opened: '2026-01-02T03:04:05.678+02' },
      { id: 2, name: null },
      { id: 3, name: 'a dummy', is_dummy: true },
    );

    const batch = await on.stage();
    assert.partialDeepStrictEqual(batch, { kind: 'initial', upserts: 2, deletes: 0, hasMore: false });
    const merged = await on.merge(batch);

    assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '2', changed: '0', deleted: '0' });
    const technical = { is_deleted: false, etl_transaction_id: batch.etlTransactionId };
    assert.deepEqual(await on.target(), [
      {
        project_id: '1',
        name: 'Depot',
        company: 'Möbel & Söhne',
        share: '0.125',
        opened: '2026-01-02T01:04:05.678Z',
        ...technical,
      },
      { project_id: '2', name: null, company: null, share: null, opened: null, ...technical },
    ]);
    await on.assertEqual();
  });

  it('with rows that are longer than a block of Avro may be, which are staged as JSON lines', async () => {
    const long = (letter: string) => letter.repeat(15_500_000);
    await on.source.add('app_project', { id: 1, name: 'short' }, { id: 2, name: long('x') });
    await on.replicate();
    await on.source.change('app_project', 1, { name: long('y') });
    await on.source.delete('app_project', 2);
    const batch = await on.stage();
    assert.partialDeepStrictEqual(await on.merge(batch), { added: '0', changed: '1', deleted: '1' });

    const rows = await on.query(`select name, is_deleted from ${on.targetTable()}`);
    assert.deepEqual(
      rows.map(({ name, is_deleted }) => [String(name).length, String(name)[0], is_deleted]).toSorted(),
      [
        [15_500_000, 'x', true],
        [15_500_000, 'y', false],
      ],
    );
    const prefix = `pmr_project/${batch.etlTransactionId}/`;
    const manifest = await on.bucket.file(`${prefix}manifest.json`).download();
    const { objects } = JSON.parse(String(manifest)) as { objects: { name: string; rows: number }[] };
    assert.deepEqual(
      objects.map(({ name, rows: count }) => [name, count]),
      [
        [`${prefix}upserts-00000.ndjson.gz`, 1],
        [`${prefix}deletes-00000.ndjson.gz`, 1],
      ],
    );
  });

  it('when it is empty, and then when rows are added', async () => {
    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '0', deleted: '0' });
    assert.deepEqual(await on.target(), []);

    await on.source.add('app_project', { id: 1, name: 'first' });

    assert.partialDeepStrictEqual(await on.replicate(), { added: '1', changed: '0', deleted: '0' });
    await on.assertEqual();
  });

  it('when rows are added, changed and deleted, with counts', async () => {
    await on.source.add(
      'app_project',
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    );
    await on.replicate();

    await on.source.add('app_project', { id: 4, name: 'four' }, { id: 5, name: 'five' });
    await on.source.change('app_project', 1, { name: null });
    await on.source.delete('app_project', 2);
    await on.source.add('app_project', { id: 6, name: 'came and went' });
    await on.source.delete('app_project', 6);
    const merged = await on.replicate();

    assert.partialDeepStrictEqual(merged, { added: '2', changed: '1', deleted: '1' });
    await on.assertEqual();
    const deleted = await on.query(`select * from ${on.targetTable()} where is_deleted`);
    assert.deepEqual(
      deleted.map(({ project_id, name }) => [project_id, name]),
      [['2', 'two']],
    );
    const [, batch] = await on.batches();
    assert.partialDeepStrictEqual(batch, {
      kind: 'incremental',
      trigger: 'test',
      state: 'applied',
      rows_added: '2',
      rows_changed: '1',
      rows_deleted: '1',
      staged_upserts: '3',
      staged_deletes: '2',
      log_rows: '6',
    });
    assert.ok(batch?.lag);
  });

  it('when deleted rows are added again, and when rows leave the view and return', async () => {
    await on.source.add('app_project', { id: 1, name: 'deleted' }, { id: 2, name: 'left' });
    await on.replicate();
    await on.source.delete('app_project', 1);
    await on.source.change('app_project', 2, { is_dummy: true });

    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '0', deleted: '2' });
    assert.deepEqual(await on.visible(), []);
    assert.deepEqual(
      (await on.target()).map(({ is_deleted }) => is_deleted),
      [true, true],
    );

    await on.source.add('app_project', { id: 1, name: 'added again' });
    await on.source.change('app_project', 2, { is_dummy: false });

    assert.partialDeepStrictEqual(await on.replicate(), { added: '2', changed: '0', deleted: '0' });
    await on.assertEqual();
  });

  it('I1 as its rows are, whatever the log says about them', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    // What django-models-logging really writes, case by case.
    await on.source.database.query(`delete from app_project where id = 1`);
    await on.source.log('app_project', 1, 'changed', { name: {} });
    await on.source.log('app_project', 2, 'deleted');
    await on.source.database.query(`insert into app_project (id, name) values (3, 'three')`);
    await on.source.log('app_project', 3, 'changed', { name: {} });
    await on.source.log('app_project', 99, 'added');

    assert.partialDeepStrictEqual(await on.replicate(), {
      added: '1',
      changed: '0',
      deleted: '1',
      unchanged: '2',
    });

    await on.assertEqual();
    assert.equal((await on.target()).length, 3);
  });

  it('without a row when a key is deleted that the target never had', async () => {
    await on.replicate();
    await on.source.log('app_project', 7, 'deleted');

    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '0', deleted: '0' });
    assert.deepEqual(await on.target(), []);
  });

  it('when a row of a lookup table changes that it shows', async () => {
    await on.source.add('app_company', { id: 1, name: 'old name' }, { id: 2, name: 'another' });
    await on.source.add(
      'app_project',
      { id: 1, company_id: 1 },
      { id: 2, company_id: 2 },
      { id: 3, company_id: 1 },
    );
    await on.replicate();

    await on.source.change('app_company', 1, { name: 'new name' });

    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '2', deleted: '0' });
    await on.assertEqual();
  });

  it('I2 without a batch when none of its rows changed: the checkpoint moves, and the view records time and count', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    const before = await on.checkpointOf();
    await on.source.add('app_company', { id: 1, name: 'of no project' });
    await on.source.add('app_site', { id: 1 });

    assert.deepEqual(await on.extract(), {
      outcome: 'idle',
      view: 'pmr_project',
      logRows: '1',
      hasMore: false,
    });
    assert.deepEqual(await on.extract(), {
      outcome: 'idle',
      view: 'pmr_project',
      logRows: '0',
      hasMore: false,
    });

    assert.equal((await on.batches()).length, 1);
    assert.notDeepEqual(await on.checkpointOf(), before);
    const { rows } = await on.control.query(
      `select idle_captures, captured_at > now() - interval '10 minutes' as recent from etl.view_source where name = 'pmr_project'`,
    );
    assert.deepEqual(rows, [{ idle_captures: '2', recent: true }]);
    assert.deepEqual(await on.mailboxes.merge.take(), [{ view: 'pmr_project', etlTransactionId: '1' }]);
  });

  it('without the log rows whose object id is not a valid key, which are counted', async () => {
    await on.replicate();
    await on.source.log('app_project', 'not a number', 'changed', { name: {} });
    await on.source.log('app_project', '99999999999999999999', 'added');
    await on.source.add('app_project', { id: 1, name: 'good' });

    await on.replicate();

    await on.assertEqual();
    const { rows } = await on.control.query(
      `select bad_keys from etl.view_source where name = 'pmr_project'`,
    );
    assert.deepEqual(rows, [{ bad_keys: '2' }]);
    assert.equal((await on.batches())[1]?.bad_keys, '2');
  });

  it('I2 in several batches when there are many changes, each of which requests the next', async () => {
    const cutting = await stack.install({ settings: { MAX_BATCH_LOG_ROWS: '4' } });
    await cutting.replicate();
    await cutting.mailboxes.extract.take();
    const rows = Array.from({ length: 10 }, (_, i) => ({ id: i + 1, name: `project ${i + 1}` }));
    await cutting.source.add('app_project', ...rows);
    // Key 1 has log rows on both sides of a cut.
    await cutting.source.change('app_project', 1, { name: 'changed later' });

    const batches = [];
    do {
      batches.push(await cutting.replicate());
    } while ((await cutting.mailboxes.extract.take()).length > 0);

    assert.deepEqual(
      batches.map(({ added, changed }) => [added, changed]),
      [
        ['4', '0'],
        ['4', '0'],
        // The second batch of its log rows finds the row as the first one left it.
        ['2', '0'],
      ],
    );
    await cutting.assertEqual();
    assert.equal((await cutting.extract()).outcome, 'idle');
  });

  it('I5 with objects and jobs named after view, batch and attempt', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'more' });
    const batch = await on.stage();
    await on.merge(batch);

    const id = batch.etlTransactionId;
    assert.deepEqual(await on.stagedObjects(batch), [
      `pmr_project/${id}/manifest.json`,
      `pmr_project/${id}/upserts-00000.avro`,
    ]);
    const [, recorded] = await on.batches();
    assert.partialDeepStrictEqual(recorded, {
      staged_prefix: `pmr_project/${id}/`,
      load_job_id: `load_SMartDataAnalytics_pmr_project_${id}_1_1`,
      apply_job_id: `merge_SMartDataAnalytics_pmr_project_${id}_1`,
    });
    for (const job of [recorded?.load_job_id, recorded?.apply_job_id]) {
      const [metadata] = await on.bigquery.job(String(job), { location: 'EU' }).getMetadata();
      assert.partialDeepStrictEqual(metadata, {
        status: { state: 'DONE' },
        configuration: {
          labels: { 'managed-by': 'smart-datahub', view: 'pmr_project', 'etl-transaction': id },
        },
      });
    }
  });
});
