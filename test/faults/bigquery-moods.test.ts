import assert from 'node:assert/strict';
import { failJob } from '../emulators/bigquery/job-faults.ts';
import { failBefore, hold, inOrder, refuse } from '../emulators/faults.ts';
import { type Installation, STREAMED_ENTRY } from '../support/installation.ts';
import { useInstallation } from '../support/use-installation.ts';

const PASSING = ['backendError', 'rateLimitExceeded', 'quotaExceeded', 'jobBackendError'] as const;
const INCIDENTS = STREAMED_ENTRY.name;

describe('BigQuery in a bad mood', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
  });

  const faults = () => stack.bigquery.faults;
  const assertNothingHalted = async () => {
    assert.deepEqual(
      [await on.haltedReason(), await on.haltedReason(INCIDENTS), await on.errors()],
      [null, null, []],
    );
  };
  const jobOf = async (view: string) => (await on.batches(view)).at(-1)?.apply_job_id;
  /** The function does not learn what became of its job, and its process ends. */
  const loseSightOfJob = () => faults().next('bigquery.jobs.get', failBefore(403, 'accessDenied'));

  describe('which fails a job', () => {
    for (const reason of PASSING) {
      it(`I5 I8 with ${reason}: load and merge are tried again, and each row arrives once`, async () => {
        faults().next('bigquery.job.load', failJob(reason));
        const batch = await on.stage();
        faults().next('bigquery.job.query', failJob(reason));

        const merged = await on.merge(batch);

        assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '2' });
        assert.deepEqual(faults().unused, []);
        await assertNothingHalted();
        await on.assertEqual();
      });

      it(`I5 I8 with ${reason}: the first load of a streamed target is tried again, and each row arrives once`, async () => {
        const batch = await on.stage(INCIDENTS);
        faults().next('bigquery.job.load', failJob(reason));

        assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

        assert.deepEqual(faults().unused, []);
        await assertNothingHalted();
        await on.assertIncidentsEqual();
      });

      it(`I8 which refuses to take a job with ${reason} is asked again later`, async () => {
        const batch = await on.stage();
        faults().next('bigquery.jobs.insert', failBefore(403, reason));
        await assert.rejects(on.merge(batch), { kind: 'transient' });

        await on.merge(batch);

        assert.deepEqual(await on.states(), ['applied']);
        await assertNothingHalted();
        await on.assertEqual();
      });
    }

    it('I8 with accessDenied: a merge goes on by itself when the right is there', async () => {
      const batch = await on.stage();
      faults().next('bigquery.job.query', failJob('accessDenied'));
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });
      faults().next('bigquery.job.query', failJob('accessDenied'));
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.match(String(await jobOf('pmr_project')), /_1_3$/);
      await assertNothingHalted();
      await on.assertEqual();
    });

    it('I8 with accessDenied: a load goes on by itself when the right is there', async () => {
      const batch = await on.stage(INCIDENTS);
      for (let tries = 0; tries < 2; tries += 1) {
        faults().next('bigquery.job.load', failJob('accessDenied'));
        await assert.rejects(on.stream(batch), { kind: 'unauthorized' });
      }

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await assertNothingHalted();
      await on.assertIncidentsEqual();
    });

    it('I8 since a table that was just made is not found: the rows are captured again', async () => {
      faults().next('bigquery.job.load', failJob('notFound', 'Not found: Table temp_project'));

      await assert.rejects(on.extract(), { kind: 'staging_lost' });

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await assertNothingHalted();
      await on.assertEqual();
    });
  });

  describe('which says that there is a job of this name (409)', () => {
    it('I5 that is done: it is taken for what it is', async () => {
      const batch = await on.stage();
      loseSightOfJob();
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.match(String(await jobOf('pmr_project')), /_1_1$/);
      await on.assertEqual();
    });

    it('I5 that has failed: another attempt follows', async () => {
      const batch = await on.stage();
      faults().next('bigquery.job.query', failJob('backendError'));
      loseSightOfJob();
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.match(String(await jobOf('pmr_project')), /_1_2$/);
      await on.assertEqual();
    });

    it('I5 that has failed, of the first load of a streamed target: another try follows', async () => {
      const batch = await on.stage(INCIDENTS);
      faults().next('bigquery.job.load', failJob('backendError'));
      loseSightOfJob();
      await assert.rejects(on.stream(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await on.assertIncidentsEqual();
    });
  });

  describe('whose job outlives the function', () => {
    it('I5 loading a streamed target: the next tick announces the batch, and its job is waited for', async () => {
      const batch = await on.stage(INCIDENTS);
      const held = faults().holdNext('bigquery.job.load');
      const hurried = await on.hurriedProcess(held);
      await assert.rejects(hurried.stream(batch), { kind: 'transient', message: /is still running/ });
      assert.partialDeepStrictEqual(await on.extract(INCIDENTS), { outcome: 'republished' });
      held.release();

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await on.assertIncidentsEqual();
    });

    it('I5 I6 loading staged rows: extract waits for it, call by call, and the batch is applied once', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const held = faults().holdNext('bigquery.job.load');
      const hurried = await on.hurriedProcess(held);
      const batch = await stageWithoutLoad(hurried);
      assert.deepEqual(await on.states(), ['applied', 'staged']);

      assert.partialDeepStrictEqual(await hurried.extract(), { outcome: 'loading' });
      await assert.rejects(on.merge(batch), { kind: 'transient', message: /still being extracted/ });
      held.release();
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', changed: '1' });

      assert.deepEqual(await on.succeededLoads(), ['1_1_1', '2_1_1']);
      assert.match(String((await on.batches()).at(-1)?.load_job_id), /_2_1_1$/);
      assert.deepEqual(
        (await on.mailboxes.extract.take()).slice(-2),
        Array(2).fill({ view: 'pmr_project', trigger: 'load' }),
      );
      await on.assertEqual();
    });

    it('I5 loading staged rows, and fails then: they are loaded again', async () => {
      const held = hold();
      faults().next('bigquery.job.load', inOrder(held, failJob('backendError')));
      const hurried = await on.hurriedProcess(held);
      const batch = await stageWithoutLoad(hurried);
      held.release();

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.deepEqual(await on.succeededLoads(), ['1_1_2']);
      await on.assertEqual();
    });

    it('I2 loading staged rows, whose objects vanish meanwhile: they are captured again', async () => {
      const held = faults().holdNext('bigquery.job.load');
      await stageWithoutLoad(await on.hurriedProcess(held));
      await on.bucket.deleteFiles({ prefix: 'pmr_project/1/' });
      held.release();

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });

      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await on.assertEqual();
    });

    /** Stages a batch whose load is not done within the call's time. */
    async function stageWithoutLoad(hurried: Installation) {
      const extracted = await hurried.extract();
      assert.ok(extracted.outcome === 'loading', extracted.outcome);
      return extracted;
    }
  });

  describe('which takes rows by the stream', () => {
    const addMany = (count: number) =>
      on.source.database.query(
        `with added as (
           insert into app_incident (id, type) select i, 'type ' || i from generate_series(10, 9 + $1::int) i returning id)
         insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`,
        [count],
      );

    it('I5 I8 and refuses one request after the other for its quota: it is given time, and every row arrives once', async () => {
      await on.replicate(INCIDENTS);
      await addMany(12_000);
      faults().next(
        'AppendRows',
        refuse('RESOURCE_EXHAUSTED'),
        refuse('RESOURCE_EXHAUSTED'),
        failBefore('ABORTED'),
      );

      assert.partialDeepStrictEqual(await on.replicate(INCIDENTS), { added: '12000' });

      assert.deepEqual(faults().unused, []);
      await on.assertIncidentsEqual();
    });

    it('I6 I8 and refuses one row in the middle of many: its key is named, and all arrive when it is mended', async () => {
      await addMany(12_000);
      await on.source.database.query(`update app_incident set opened = '1999-12-31' where id = 6000`);
      const batch = await on.stage(INCIDENTS);
      // Staged to be loaded, and a row of somebody else makes it a stream, which takes no date of so long ago.
      await on.query(`insert into ${on.targetTable('incident')} (incident_id) values (99999)`);

      await assert.rejects(on.stream(batch), { kind: 'bad_data', message: /view xyz_incident: key 6000: / });

      assert.match(String(await on.haltedReason(INCIDENTS)), /key 6000/);
      assert.equal(await on.haltedReason(), null);
      await on.source.change('app_incident', 6_000, { opened: new Date() });
      await on.dependencies.control.viewStops.resume(INCIDENTS);
      await on.replicate(INCIDENTS);
      await on.assertIncidentsEqual();
    });
  });
});
