import assert from 'node:assert/strict';
import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import { pass } from '../../emulators/faults.ts';
import type { Staged } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('when a job fails or staged objects are lost', () => {
  const { on, stack } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  describe('a merge job', () => {
    it('that failed for a transient reason is followed by the next attempt', async () => {
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.job.query', failJob('backendError'));

      const merged = await on.merge(batch);

      assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '2' });
      const [recorded] = await on.batches();
      assert.partialDeepStrictEqual(recorded, {
        attempt: 2,
        apply_job_id: 'merge_SMartDataAnalytics_pmr_project_1_2',
      });
      await on.assertEqual();
    });

    for (const message of [
      'Query error: Exceeded rate limits: too many table update operations for this table.',
      'Query error: Too many DML statements outstanding against table x, limit is 20.',
      'Query error: An internal error occurred and the request could not be completed.',
    ]) {
      it(`whose error lost its reason, because the procedure raised it again, is followed by the next attempt: ${message}`, async () => {
        const batch = await on.stage();
        stack.bigquery.faults.next('bigquery.job.query', failJob('invalidQuery', message));

        assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });
      });
    }

    it('I5 that failed after its effect gets its counts from the ledger at the next attempt', async () => {
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.job.query', failJobAfterEffect('backendError'));

      const merged = await on.merge(batch);

      assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '2', changed: '0', deleted: '0' });
      assert.deepEqual(await on.query(`select count(*) as n from ${on.ledger()}`), [{ n: '1' }]);
      await on.assertEqual();
    });

    it('that keeps failing is left to a later delivery, and nothing is lost', async () => {
      const batch = await on.stage();
      const failing = Array.from({ length: 4 }, () => failJob('rateLimitExceeded'));
      stack.bigquery.faults.next('bigquery.job.query', ...failing);

      await assert.rejects(on.merge(batch), {
        kind: 'transient',
        message: /merge_SMartDataAnalytics_pmr_project_1_4/,
      });
      assert.deepEqual(await on.states(), ['staged']);

      assert.equal((await on.merge(batch)).outcome, 'applied');
      await on.assertEqual();
    });

    it('that outlives the function is found by the next delivery under the same id', async () => {
      const batch = await on.stage();
      const held = stack.bigquery.faults.holdNext('bigquery.job.query');
      const hurried = await on.hurriedProcess(held);

      assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
      assert.deepEqual(await on.states(), ['applying']);
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      held.release();
      const merged = await on.merge(batch);

      assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '2' });
      assert.partialDeepStrictEqual((await on.batches())[0], {
        attempt: 1,
        apply_job_id: 'merge_SMartDataAnalytics_pmr_project_1_1',
      });
    });

    it("that failed permanently halts the view with BigQuery's message", async () => {
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.job.query', failJob('invalidQuery', 'Unrecognized name: x'));

      await assert.rejects(on.merge(batch), {
        kind: 'warehouse',
        message: /merge_SMartDataAnalytics_pmr_project_1_1: Unrecognized name: x/,
      });

      assert.match(String(await on.haltedReason()), /Unrecognized name: x/);
      assert.deepEqual(await on.states(), ['failed']);
    });
  });

  describe('a load job', () => {
    beforeEach(async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
    });

    it('that failed for a transient reason is retried, and no row is loaded twice', async () => {
      stack.bigquery.faults.next('bigquery.job.load', failJob('internalError'), pass());

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });

      assert.equal((await on.batches())[1]?.load_job_id, 'load_SMartDataAnalytics_pmr_project_2_1_2');
      await on.assertEqual();
    });

    it('I6 that loaded its rows but is reported as failed leaves duplicates, which no reader ever sees', async () => {
      stack.bigquery.faults.next('bigquery.job.load', failJobAfterEffect('backendError'));
      const batch = await on.stage();

      await assert.rejects(on.merge(batch), {
        kind: 'bad_data',
        message: /the temp table has 2 staged rows instead of 1, with 1 different keys/,
      });

      assert.deepEqual(
        (await on.target()).map(({ name }) => name),
        ['one', 'two'],
      );
      await on.dependencies.control.viewStops.resume('pmr_project');
      await on.replicate();
      await on.assertEqual();
    });

    it('that refuses the rows halts the view, with the field that BigQuery names', async () => {
      stack.bigquery.faults.next(
        'bigquery.job.load',
        failJob('invalid', 'Could not parse "x" as INT64 for field share'),
      );

      await assert.rejects(on.extract(), { kind: 'warehouse', message: /for field share/ });

      assert.match(String(await on.haltedReason()), /for field share/);
    });
  });

  describe('a staged batch', () => {
    it('is loaded again from its objects when its rows are gone from the temp table', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const batch = await on.stage();
      await on.query(`truncate table ${on.tempTable()}`);

      const merged = await on.merge(batch);

      assert.partialDeepStrictEqual(merged, { outcome: 'applied', changed: '1' });
      assert.partialDeepStrictEqual((await on.batches())[1], {
        attempt: 2,
        load_attempt: 2,
      });
      await on.assertEqual();
    });

    const losses = {
      'an object': (batch: Staged) =>
        on.bucket.file(`pmr_project/${batch.etlTransactionId}/upserts-00000.avro`).delete(),
      'the manifest': (batch: Staged) => on.bucket.file(manifestOf(batch)).delete(),
      'a readable manifest': (batch: Staged) => on.bucket.file(manifestOf(batch)).save('{"view":'),
    };
    for (const [what, lose] of Object.entries(losses)) {
      it(`I2 is captured again under a new batch id when its rows and ${what} are gone`, async () => {
        await on.replicate();
        await on.source.change('app_project', 1, { name: 'uno' });
        await on.source.delete('app_project', 2);
        const batch = await on.stage();
        await on.query(`truncate table ${on.tempTable()}`);
        await lose(batch);
        await on.mailboxes.extract.take();

        assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

        assert.deepEqual(await on.states(), ['applied', 'abandoned']);
        assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'recapture' }]);
        assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '1', deleted: '1' });
        await on.assertEqual();
      });
    }

    it('I2 is captured again when an object disappears before it is loaded', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const held = stack.bigquery.faults.holdNext('bigquery.job.load');
      const extracting = on.extract();
      await held.reached;
      await on.bucket.file('pmr_project/2/upserts-00000.avro').delete();
      held.release();

      await assert.rejects(extracting, { kind: 'staging_lost', message: /upserts-00000/ });

      assert.equal(await on.haltedReason(), null);
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
      await on.assertEqual();
    });

    it('I2 is abandoned after a day, and captured again under a new batch id', async () => {
      await on.stage();
      const dayLater = { ...on.dependencies, clock: { nowMs: () => Date.now() + 24 * 3_600_000 + 1000 } };
      on.dependencies = dayLater;

      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });

      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await on.assertEqual();
    });
  });

  it('a merge event that arrives while its batch is being extracted is retried', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const extracting = on.stage();
    await held.reached;

    await assert.rejects(on.merge({ view: 'pmr_project', etlTransactionId: '2' }), {
      kind: 'transient',
      message: 'ETL transaction 2 is still being extracted',
    });

    held.release();
    assert.equal((await on.merge(await extracting)).outcome, 'applied');
  });
});

const manifestOf = (batch: Staged): string => `pmr_project/${batch.etlTransactionId}/manifest.json`;
