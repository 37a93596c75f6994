import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import { dropAfterEffect, failAfterEffect, pass } from '../../emulators/faults.ts';
import { type Installation, unlessHalted } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const DIRECT_JOB = 'direct_SMartDataAnalytics_pmr_project';

describe('the first load of a merged view', () => {
  const { on, stack } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  const runs = (kind: 'load' | 'query') =>
    stack.bigquery.faults.calls.filter((call) => call === `bigquery.job.${kind}`).length;
  const ledger = () =>
    on.query(
      `select etl_transaction_id as id, added, changed, deleted, unchanged from ${on.ledger()} where view = 'pmr_project' order by 1`,
    );
  const rowsIn = async (table: string) =>
    Number((await on.query(`select count(*) as n from ${table}`))[0]?.n);
  const resync = () =>
    on.dependencies.control.viewStops.requestResync('pmr_project', { isWanted: true, acceptsDeletes: false });
  /** A process that ends where `method` of the control database would be called. */
  const endingAt = async (method: 'markApplied' | 'markForNextAttempt'): Promise<Installation> => {
    const process = await on.anotherProcess();
    const { control } = process.dependencies;
    const end = () => Promise.reject(new DataHubError('transient', 'the process ended'));
    const batches = { ...control.batches, [method]: end };
    process.dependencies = { ...process.dependencies, control: { ...control, batches } };
    return process;
  };
  const jobs = async () => {
    const [found] = await on.bigquery.getJobs({ allUsers: true });
    return found
      .filter(({ id }) => id?.startsWith(DIRECT_JOB))
      .map(({ id }) => String(id).slice(DIRECT_JOB.length + 1))
      .sort();
  };
  /** Loads the batch into the target, and ends before the ledger lists it. */
  const loadOnly = async (batch: { view: string; etlTransactionId: string }) => {
    stack.bigquery.faults.next(
      'bigquery.job.query',
      ...Array.from({ length: 4 }, () => failJob('backendError')),
    );
    await assert.rejects(on.merge(batch), { kind: 'transient' });
    stack.bigquery.faults.clear();
    assert.equal(await rowsIn(on.targetTable()), 2);
    assert.deepEqual(await ledger(), []);
  };

  it('goes by one load job into the empty target, without the temp table and without a MERGE', async () => {
    const batch = await on.stage();
    assert.deepEqual(await on.batches().then(([first]) => [first?.is_direct_load, first?.load_job_id]), [
      true,
      null,
    ]);
    assert.equal(await rowsIn(on.tempTable()), 0);
    assert.equal(runs('load'), 0);

    const applied = await on.merge(batch);

    assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2', changed: '0', deleted: '0' });
    assert.equal(runs('load'), 1);
    assert.deepEqual(await jobs(), ['1_1']);
    assert.deepEqual(await ledger(), [{ id: '1', added: '2', changed: '0', deleted: '0', unchanged: '0' }]);
    const [{ started_at: startedAt, target_rows: targetRows, load_job_id: loadJobId } = {}] =
      await on.batches();
    assert.equal(loadJobId, `${DIRECT_JOB}_1_1`);
    assert.equal(String(targetRows), '2');
    assert.deepEqual(
      await on.query(`select distinct is_deleted, update_at, etl_transaction_id from ${on.targetTable()}`),
      [{ is_deleted: false, update_at: (startedAt as Date).toISOString(), etl_transaction_id: '1' }],
    );
    await on.assertEqual();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    await on.source.add('app_project', { id: 3, name: 'three' });
    assert.partialDeepStrictEqual(await on.replicate(), { added: '1', changed: '1', deleted: '1' });
    await on.assertEqual();
  });

  it('of several parts is one load job, too', async () => {
    const many = await on.anotherProcess({ MAX_PART_BYTES: '1024', SLICE_ROWS: '100', MAX_SLICES: '3' });
    await on.source.database.query(
      `insert into app_project (id, name) select i, repeat('x', 50) from generate_series(10, 400) i`,
    );

    assert.partialDeepStrictEqual(await many.replicate(), { added: '393' });

    assert.deepEqual(await jobs(), ['1_1']);
    await on.assertEqual();
  });

  it('of a view whose names Avro cannot hold brings JSON lines', async () => {
    await on.source.database.query(`drop view pmr_site; create view pmr_site as
      select id as site_id, name as "name-of-site" from app_site; grant select on pmr_site to reader`);
    await on.source.add('app_site', { id: 1, name: 'depot' });

    assert.partialDeepStrictEqual(await on.replicate('pmr_site'), { added: '1' });

    assert.deepEqual(await on.target('site'), [
      { site_id: '1', 'name-of-site': 'depot', is_deleted: false, etl_transaction_id: '1' },
    ]);
  });

  it('of an empty view loads nothing, and the next batch is merged', async () => {
    await on.source.database.query('delete from app_project');

    assert.partialDeepStrictEqual(await on.replicate(), { outcome: 'applied', added: '0' });

    assert.equal(runs('load'), 0);
    await on.source.add('app_project', { id: 3, name: 'three' });
    await on.replicate();
    await on.assertEqual();
  });

  it('I9 of a view that has a key twice is refused before anything is loaded', async () => {
    await on.source.database.query(`drop view pmr_site; create view pmr_site as
      select s.id as site_id, s.name from app_site s cross join generate_series(1, 2); grant select on pmr_site to reader`);
    await on.source.add('app_site', { id: 1, name: 'depot' });

    await assert.rejects(on.extract('pmr_site'), { kind: 'bad_data' });

    assert.equal(runs('load'), 0);
  });

  describe('I5', () => {
    it('that was not recorded as applied is found again, not repeated', async () => {
      const batch = await on.stage();
      await assert.rejects((await endingAt('markApplied')).merge(batch), { kind: 'transient' });
      const before = stack.bigquery.faults.calls.length;

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      const since = stack.bigquery.faults.calls.slice(before);
      assert.deepEqual(
        since.filter((call) => call.startsWith('bigquery.job.')),
        [],
      );
      await on.assertEqual();
    });

    it('that ended between the load and the ledger goes on with the ledger', async () => {
      const batch = await on.stage();
      await loadOnly(batch);

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.deepEqual(await jobs(), ['1_1']);
      assert.deepEqual(await ledger(), [{ id: '1', added: '2', changed: '0', deleted: '0', unchanged: '0' }]);
      await on.assertEqual();
    });

    it('whose process ended before its failure was recorded goes on under the same attempt', async () => {
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.job.query', failJob('backendError'));
      await assert.rejects((await endingAt('markForNextAttempt')).merge(batch), { kind: 'transient' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.deepEqual(await jobs(), ['1_1']);
      await on.assertEqual();
    });

    it('whose load failed for a passing reason is tried under the next name', async () => {
      stack.bigquery.faults.next('bigquery.job.load', failJob('backendError'));

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });

      assert.deepEqual(await jobs(), ['1_1', '1_2']);
      await on.assertEqual();
    });

    it('whose load is reported as failed although its rows are there finds its own rows', async () => {
      stack.bigquery.faults.next('bigquery.job.load', failJobAfterEffect('backendError'));

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });

      assert.equal(await rowsIn(on.targetTable()), 2);
      assert.deepEqual(await on.states(), ['applied']);
      await on.assertEqual();
    });

    for (const [what, call, fault] of [
      ['its start', 'bigquery.jobs.insert', dropAfterEffect()],
      ['its end', 'bigquery.jobs.get', failAfterEffect(503)],
    ] as const) {
      it(`whose answer about ${what} was lost loads its rows once`, async () => {
        const batch = await on.stage();
        stack.bigquery.faults.next(call, ...(what === 'its end' ? [pass()] : []), fault);

        const first = await on.merge(batch).catch((error: unknown) => error);
        if (first instanceof Error) assert.partialDeepStrictEqual(first, { kind: 'transient' });
        await on.merge(batch);

        assert.equal(await rowsIn(on.targetTable()), 2);
        assert.deepEqual(await on.states(), ['applied']);
        await on.assertEqual();
      });
    }

    it('I4 that two processes apply at once is loaded once', async () => {
      const batch = await on.stage();
      const others = await on.anotherProcess();

      const outcomes = await Promise.all([on.merge(batch), others.merge(batch), on.merge(batch)]);

      assert.equal(outcomes.filter(({ outcome }) => outcome === 'applied').length, 1);
      assert.deepEqual(await jobs(), ['1_1']);
      await on.assertEqual();
    });

    it('that outlives the function is found by the next delivery under the same name', async () => {
      const batch = await on.stage();
      const held = stack.bigquery.faults.holdNext('bigquery.job.load');
      const hurried = await on.hurriedProcess(held);

      assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
      assert.deepEqual(await on.states(), ['applying']);
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      assert.deepEqual(await on.target(), []);
      held.release();

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });
      assert.deepEqual(await jobs(), ['1_1']);
      await on.assertEqual();
    });
  });

  describe('I6 whose target is not what it was staged for', () => {
    it('is captured again and merged when somebody else has put rows into the target', async () => {
      const batch = await on.stage();
      await on.query(
        `insert into ${on.targetTable()} (project_id, name, is_deleted, etl_transaction_id) values (1, 'foreign', false, 0)`,
      );
      await on.mailboxes.extract.take();

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

      assert.deepEqual(
        (await on.target()).map(({ name }) => name),
        ['foreign'],
      );
      assert.deepEqual(await ledger(), []);
      assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'recapture' }]);
      assert.partialDeepStrictEqual(await on.replicate(), { added: '1', changed: '1' });
      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await on.assertEqual();
    });

    const changes = {
      'has another row since': () =>
        on.query(
          `insert into ${on.targetTable()} (project_id, name, is_deleted) values (9, 'foreign', false)`,
        ),
      'has a row twice since': () =>
        on.query(`insert into ${on.targetTable()} select * from ${on.targetTable()} where project_id = 1`),
      'lost a row since': () => on.query(`delete from ${on.targetTable()} where project_id = 1`),
      'lost all rows since': () => on.query(`truncate table ${on.targetTable()}`),
      'has a row of another batch since': () =>
        on.query(`update ${on.targetTable()} set etl_transaction_id = 0 where project_id = 1`),
      'has a deleted row since': () =>
        on.query(`update ${on.targetTable()} set is_deleted = true where project_id = 1`),
    };
    for (const [what, change] of Object.entries(changes)) {
      it(`is not recorded as applied when the target ${what}`, async () => {
        const batch = await on.stage();
        await loadOnly(batch);
        await change();

        assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

        assert.deepEqual(await ledger(), []);
        assert.deepEqual(await on.checkpointOf(), null);
        if (what.includes('twice')) {
          await assert.rejects(on.replicate(), { kind: 'merge_refused', message: /repeated_rows/ });
          return;
        }
        await on.replicate();
        await on.assertEqual();
      });
    }

    it('is captured again when the target is gone, which is made anew', async () => {
      const batch = await on.stage();
      await on.query(`drop table ${on.targetTable()}`);

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.assertEqual();
    });
  });

  for (const [what, lose] of Object.entries({
    'an object': (prefix: string) => on.bucket.file(`${prefix}upserts-00000.avro`).delete(),
    'the content of an object': (prefix: string) => on.bucket.file(`${prefix}upserts-00000.avro`).save('Obj'),
    'the manifest': (prefix: string) => on.bucket.file(`${prefix}manifest.json`).delete(),
  })) {
    it(`I2 is captured again when ${what} is lost before the load`, async () => {
      const batch = await on.stage();
      await lose(`pmr_project/${batch.etlTransactionId}/`);

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

      assert.equal(runs('load'), 0);
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.assertEqual();
    });
  }

  it('I8 whose rows BigQuery refuses halts the view, and leaves the target empty', async () => {
    const batch = await on.stage();
    stack.bigquery.faults.next('bigquery.job.load', failJob('invalid', 'Could not parse x for field share'));

    await assert.rejects(on.merge(batch), { kind: 'warehouse', message: /direct_.*for field share/ });

    assert.match(String(await on.haltedReason()), /for field share/);
    assert.deepEqual(await on.target(), []);
    await on.dependencies.control.viewStops.resume('pmr_project');
    await on.replicate();
    await on.assertEqual();
  });

  describe('I7', () => {
    it('refuses a batch below it afterwards, and begins above what the ledger has', async () => {
      await on.replicate();
      await on.query(`truncate table ${on.targetTable()}`);
      await on.query(`insert into ${on.ledger()} (view, etl_transaction_id) values ('pmr_project', 700)`);
      await resync();

      const loaded = await on.replicate();

      assert.equal(loaded.etlTransactionId, '701');
      assert.deepEqual(await jobs(), ['1_1', '701_1']);
      const older = on.query('call SMartDataAnalytics.merge_project(699, 0)');
      await assert.rejects(older, /superseded. batch 699 was not merged, because the newer batch 701/);
      await on.assertEqual();
    });

    it('that is not in the ledger yet is not overwritten by an older batch', async () => {
      const batch = await on.stage();
      await loadOnly(batch);
      const before = await on.target();
      await on.query(
        `insert into ${on.tempTable()} (project_id, name, action, etl_transaction_id) values (1, 'older', 'loaded', 0), (2, 'older', 'loaded', 0)`,
      );

      const older = on.query(`call SMartDataAnalytics.merge_project(0, 2)`);

      await assert.rejects(
        older,
        /\[smart-datahub:refused\] 2 rows of the target come from batch 0 or a newer one/,
      );
      assert.deepEqual(await on.target(), before);
      await on.merge(batch);
      await on.assertEqual();
    });

    it('is refused when a newer batch is in the ledger', async () => {
      const batch = await on.stage();
      await on.query(`insert into ${on.ledger()} (view, etl_transaction_id) values ('pmr_project', 1000)`);

      await assert.rejects(on.merge(batch), { kind: 'merge_refused', message: /superseded/ });

      await on.dependencies.control.viewStops.resume('pmr_project');
      assert.ok(Number((await on.replicate()).etlTransactionId) > 1000);
      await on.assertEqual();
    });

    it('of another batch with the same id is not taken for its own', async () => {
      const backup = await on.backUpControl();
      await on.replicate();
      await on.bucket.deleteFiles();
      await on.query(`truncate table ${on.targetTable()}`);
      await on.query(`delete from ${on.ledger()} where true`);
      await backup.restore();
      await on.control.query(`select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), 1, false)`);
      const batch = await on.stage();
      assert.equal(batch.etlTransactionId, '1');

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.assertEqual();
    });

    it('never goes into the target of another installation', async () => {
      const batch = await on.stage();
      const reborn = await stack.takingOver(on);
      await reborn.control.query(`select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), 5000)`);
      await reborn.replicate();
      await on.query(`truncate table ${on.targetTable()}`);

      await assert.rejects(on.merge(batch), { kind: 'configuration', message: /belongs to installation/ });

      assert.deepEqual(await on.target(), []);
    });
  });

  it('goes by a MERGE when the target has rows, even deleted ones alone', async () => {
    await on.replicate();
    await on.query(`update ${on.targetTable()} set is_deleted = true where true`);
    await resync();

    assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });

    assert.deepEqual(await jobs(), ['1_1']);
    await on.assertEqual();
  });

  it('goes by a load job again when an emptied target is resynced, whatever the delete limit', async () => {
    await on.replicate();
    await on.query(`truncate table ${on.targetTable()}`);
    await on.source.database.query('delete from app_project where id = 2');
    await resync();

    assert.partialDeepStrictEqual(await on.replicate(), { added: '1', deleted: '0' });

    assert.deepEqual(await jobs(), ['1_1', '2_1']);
    await on.assertEqual();
  });

  it('that waits for more than a day is abandoned, and captured again', async () => {
    const batch = await on.stage();
    await loadOnly(batch);
    on.dependencies = { ...on.dependencies, clock: { nowMs: () => Date.now() + 24 * 3_600_000 + 1000 } };

    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '0' });

    assert.deepEqual(await on.states(), ['abandoned', 'applied']);
    await on.assertEqual();
  });

  it('I2 that the release before has staged is merged from the temp table', async () => {
    const batch = await on.stage();
    const id = batch.etlTransactionId;
    await on.query(
      `insert into ${on.tempTable()} (project_id, name, action, etl_transaction_id) values (1, 'one', 'loaded', ${id}), (2, 'two', 'loaded', ${id})`,
    );
    await on.control.query(`update etl.etl_transaction set is_direct_load = false, load_job_id = 'load_1'`);

    assert.partialDeepStrictEqual(unlessHalted(await on.merge(batch)), { outcome: 'applied', added: '2' });

    assert.equal(runs('load'), 0);
    await on.assertEqual();
  });
});
