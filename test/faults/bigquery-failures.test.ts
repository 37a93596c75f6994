import assert from 'node:assert/strict';
import { failJob } from '../emulators/bigquery/job-faults.ts';
import { failBefore, hold, inOrder, refuse } from '../emulators/faults.ts';
import { type Installation, STREAMED_ENTRY } from '../support/installation.ts';
import { useInstallation } from '../support/use-installation.ts';

const TRANSIENT_REASONS = ['backendError', 'rateLimitExceeded', 'quotaExceeded', 'jobBackendError'] as const;
const INCIDENTS = STREAMED_ENTRY.name;

describe('failures of BigQuery', () => {
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
  /** Fails the next request for the state of a job, so that the function ends without the job's result. */
  const failNextPoll = () => faults().next('bigquery.jobs.get', failBefore(403, 'accessDenied'));

  describe('a failed job', () => {
    for (const reason of TRANSIENT_REASONS) {
      it(`I5 I8 with ${reason}: load and merge are retried, and each row arrives once`, async () => {
        await on.replicate();
        await on.source.change('app_project', 1, { name: 'uno' });
        faults().next('bigquery.job.load', failJob(reason));
        const batch = await on.stage();
        faults().next('bigquery.job.query', failJob(reason));

        const merged = await on.merge(batch);

        assert.partialDeepStrictEqual(merged, { outcome: 'applied', changed: '1' });
        assert.deepEqual(faults().unused, []);
        await assertNothingHalted();
        await on.assertEqual();
      });

      it(`I5 I8 with ${reason}: the first load of a merged target is retried, and each row arrives once`, async () => {
        const batch = await on.stage();
        faults().next('bigquery.job.load', failJob(reason));
        faults().next('bigquery.job.query', failJob(reason));

        assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

        assert.deepEqual(faults().unused, []);
        await assertNothingHalted();
        await on.assertEqual();
      });

      it(`I5 I8 with ${reason}: the first load of a streamed target is retried, and each row arrives once`, async () => {
        const batch = await on.stage(INCIDENTS);
        faults().next('bigquery.job.load', failJob(reason));

        assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

        assert.deepEqual(faults().unused, []);
        await assertNothingHalted();
        await on.assertIncidentsEqual();
      });

      it(`I8 with ${reason} when it is created: the next merge creates it again`, async () => {
        const batch = await on.stage();
        faults().next('bigquery.jobs.insert', failBefore(403, reason));
        await assert.rejects(on.merge(batch), { kind: 'transient' });

        await on.merge(batch);

        assert.deepEqual(await on.states(), ['applied']);
        await assertNothingHalted();
        await on.assertEqual();
      });
    }

    it('I8 with accessDenied: a merge continues on its own once permission is granted', async () => {
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

    it('I8 with accessDenied: a load continues on its own once permission is granted', async () => {
      const batch = await on.stage(INCIDENTS);
      for (let attempts = 0; attempts < 2; attempts += 1) {
        faults().next('bigquery.job.load', failJob('accessDenied'));
        await assert.rejects(on.stream(batch), { kind: 'unauthorized' });
      }

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await assertNothingHalted();
      await on.assertIncidentsEqual();
    });

    it('I8 with notFound for a table that was just created: the rows are captured again', async () => {
      const batch = await on.stage();
      faults().next('bigquery.job.load', failJob('notFound', 'Not found: Table project'));
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.source.change('app_project', 1, { name: 'uno' });
      faults().next('bigquery.job.load', failJob('notFound', 'Not found: Table temp_project'));

      await assert.rejects(on.extract(), { kind: 'staging_lost' });

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      assert.deepEqual(await on.states(), ['abandoned', 'applied', 'abandoned', 'applied']);
      await assertNothingHalted();
      await on.assertEqual();
    });
  });

  describe('a job id that exists already (409)', () => {
    it('I5 belongs to a finished job: its result is used', async () => {
      const batch = await on.stage();
      failNextPoll();
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.match(String(await jobOf('pmr_project')), /_1_1$/);
      await on.assertEqual();
    });

    it('I5 belongs to a failed merge job: another attempt follows', async () => {
      const batch = await on.stage();
      faults().next('bigquery.job.query', failJob('backendError'));
      failNextPoll();
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });

      assert.match(String(await jobOf('pmr_project')), /_1_2$/);
      await on.assertEqual();
    });

    it('I5 belongs to a failed first load of a streamed target: another attempt follows', async () => {
      const batch = await on.stage(INCIDENTS);
      faults().next('bigquery.job.load', failJob('backendError'));
      failNextPoll();
      await assert.rejects(on.stream(batch), { kind: 'unauthorized' });

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await on.assertIncidentsEqual();
    });
  });

  describe('a job that outlives the function', () => {
    it('I5 and loads a streamed target: the next tick announces the batch again, and stream waits for the job', async () => {
      const batch = await on.stage(INCIDENTS);
      const held = faults().holdNext('bigquery.job.load');
      const hurried = await on.hurriedProcess(held);
      await assert.rejects(hurried.stream(batch), { kind: 'transient', message: /is still running/ });
      assert.partialDeepStrictEqual(await on.extract(INCIDENTS), { outcome: 'republished' });
      held.release();

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

      await on.assertIncidentsEqual();
    });

    it('I5 I6 and loads staged rows: extract waits for it, call by call, and the batch is applied once', async () => {
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

      assert.deepEqual(await on.succeededLoads(), ['2_1_1']);
      assert.match(String((await on.batches()).at(-1)?.load_job_id), /_2_1_1$/);
      assert.deepEqual(
        (await on.mailboxes.extract.take()).slice(-2),
        Array(2).fill({ view: 'pmr_project', trigger: 'load' }),
      );
      await on.assertEqual();
    });

    it('I5 and fails while it loads staged rows: they are loaded again', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const held = hold();
      faults().next('bigquery.job.load', inOrder(held, failJob('backendError')));
      const hurried = await on.hurriedProcess(held);
      const batch = await stageWithoutLoad(hurried);
      held.release();

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', changed: '1' });

      assert.deepEqual(await on.succeededLoads(), ['2_1_2']);
      await on.assertEqual();
    });

    it('I2 and loads staged rows whose objects have vanished: the rows are captured again', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const held = faults().holdNext('bigquery.job.load');
      await stageWithoutLoad(await on.hurriedProcess(held));
      await on.bucket.deleteFiles({ prefix: 'pmr_project/2/' });
      held.release();

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });

      assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
      await on.assertEqual();
    });

    /** Stages a batch whose load job is still running when the time of the call is up. */
    async function stageWithoutLoad(hurried: Installation) {
      const extracted = await hurried.extract();
      assert.ok(extracted.outcome === 'loading', extracted.outcome);
      return extracted;
    }
  });

  describe('the Storage Write API', () => {
    const addMany = (count: number) =>
      on.source.database.query(
        `with added as (
           insert into app_incident (id, type) select i, 'type ' || i from generate_series(10, 9 + $1::int) i returning id)
         insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`,
        [count],
      );

    it('I5 I8 refuses several requests in a row over its quota: the function waits and retries, and every row arrives once', async () => {
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

    it('I6 I8 refuses one row among many: the error names its key, and all rows arrive after it is corrected', async () => {
      await addMany(12_000);
      await on.source.database.query(`update app_incident set opened = '1999-12-31' where id = 6000`);
      const batch = await on.stage(INCIDENTS);
      // The batch was staged for a load job. A foreign row in the target makes the next one a stream, which takes no such old partition date.
      await on.query(`insert into ${on.targetTable('incident')} (incident_id) values (10)`);
      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'recaptured' });

      const message = /view xyz_incident: column open_datetime.*key 6000|view xyz_incident: key 6000/;
      await assert.rejects(on.extract(INCIDENTS), { kind: 'bad_data', message });

      assert.match(String(await on.haltedReason(INCIDENTS)), /key 6000/);
      assert.equal(await on.haltedReason(), null);
      await on.source.change('app_incident', 6_000, { opened: new Date() });
      await on.dependencies.control.viewStops.resume(INCIDENTS);
      await on.replicate(INCIDENTS);
      await on.assertIncidentsEqual();
    });
  });
});
