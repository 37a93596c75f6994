import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { tick } from '../../../functions/extract/tick.ts';
import type { ViewStatus } from '../../../shared/control/status.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore } from '../../emulators/faults.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = PROJECT_ENTRY.name;

describe('the cost of a view', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }));

  const ask = (payload: object) =>
    dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies);
  const statusOf = async (view = VIEW): Promise<ViewStatus> => {
    const { views } = (await ask({ status: true, view })) as { views: ViewStatus[] };
    assert.ok(views[0]);
    return views[0];
  };
  const usage = async (view = VIEW): Promise<Record<string, unknown>[]> =>
    (
      await on.control.query('select * from etl.job_usage where view_name = $1 order by ended_at, job_id', [
        view,
      ])
    ).rows;
  /** What BigQuery itself reports for all jobs of the view without parents, by id. */
  const reported = async (view = VIEW): Promise<Map<string | undefined, bigint>> => {
    const [jobs] = await on.bigquery.getJobs({ allUsers: true });
    const own = jobs.filter(({ metadata }) => metadata.configuration.labels?.view === view);
    return new Map(
      own.map(({ id, metadata }) => [id, BigInt(metadata.statistics.query?.totalBytesBilled ?? 0)]),
    );
  };
  const sum = (values: Iterable<bigint>) => [...values].reduce((total, value) => total + value, 0n);

  for (const view of [VIEW, STREAMED_ENTRY.name]) {
    it(`is what BigQuery reports for every job of ${view}, on its batches and by UTC day`, async () => {
      await on.source.add('app_incident', { id: 1, type: 'one' });
      await on.replicate(view);
      await ask({ view, resync: true });
      await on.replicate(view);

      const jobs = await reported(view);
      const recorded = await usage(view);
      assert.deepEqual(new Map(recorded.map((job) => [job.job_id, BigInt(String(job.bytes_billed))])), jobs);
      assert.ok(jobs.size >= 3);
      assert.ok(recorded.every((job) => job.etl_transaction_id !== null));
      const { cost } = await statusOf(view);
      assert.partialDeepStrictEqual(cost, [
        {
          day: new Date().toISOString().slice(0, 10),
          bytesBilled: String(sum(jobs.values())),
          jobs: jobs.size,
        },
      ]);
      assert.ok(BigInt(cost[0]?.slotMs ?? 0) > 0n);
      for (const batch of await on.batches(view)) {
        const own = recorded.filter((job) => job.etl_transaction_id === batch.id);
        assert.ok(own.length > 1);
        for (const what of ['bytes_billed', 'slot_ms'] as const) {
          const ofJobs = sum(own.map((job) => BigInt(String(job[what]))));
          assert.equal(String(batch[what]), String(ofJobs));
        }
      }
    });
  }

  it('counts a job once, however often it is found again, and a failed job as well', async () => {
    await on.stage();
    const [batch] = await on.batches();
    const named = { view: VIEW, etlTransactionId: String(batch?.id) };
    stack.bigquery.faults.next('bigquery.job.query', failJob('backendError', 'try again'));
    await on.merge(named);
    await on.control.query(`update etl.etl_transaction set state = 'applying' where id = $1`, [batch?.id]);
    await on.control.query('delete from etl.checkpoint');
    await on.merge(named);

    const jobs = (await usage()).map(({ job_id }) => String(job_id));
    assert.deepEqual(jobs.toSorted(), [...(await reported()).keys()].toSorted());
    assert.equal(jobs.filter((id) => id.startsWith('merge_')).length, 2);
    assert.equal(String((await on.batches())[0]?.bytes_billed), String(sum((await reported()).values())));
  });

  it('is recorded by the next call when the control database did not take it', async () => {
    await on.control.query('alter table etl.job_usage rename to gone');
    await assert.rejects(on.extract());
    await on.control.query('alter table etl.gone rename to job_usage');
    await ask({ view: VIEW, resume: true });

    await on.replicate();

    for (const { job_id } of await usage()) assert.ok((await reported()).has(String(job_id)));
    await on.assertEqual();
  });

  describe('above the budget', () => {
    const spend = (bytes: number, when = 'now()') =>
      on.control.query(
        `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at)
         values (gen_random_uuid(), '${VIEW}', ${bytes}, 1, ${when})`,
      );
    const YESTERDAY = `date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '1 second'`;

    beforeEach(async () => {
      await importConfiguration(
        { entries: [{ ...PROJECT_ENTRY, daily_budget_bytes: 1_000_000_000_000 }] },
        on.dependencies,
      );
    });

    it('holds the view, batch in flight included, until an operator lets it go on', async () => {
      const batch = await on.stage();
      const sink = on.captureLog();
      await spend(1_000_000_000_000);

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
      assert.deepEqual(await on.extract(), { outcome: 'skipped', view: VIEW, reason: 'over budget' });
      assert.partialDeepStrictEqual(await statusOf(), {
        state: 'over budget',
        dailyBudgetBytes: '1000000000000',
      });
      assert.equal((await statusOf('pmr_site')).state, 'running');
      const { views } = (await ask({ dryRun: true, view: VIEW })) as { views: Record<string, string>[] };
      assert.equal(views[0]?.would, 'do nothing: over budget');
      assert.match(String(views[0]?.advice), /{"view":"pmr_project","acceptCost":true}/);
      const { findings } = (await ask({ check: true, view: VIEW })) as { findings: Record<string, string>[] };
      const found = findings.find(({ check }) => check === 'state of pmr_project');
      assert.equal(found?.message, 'over budget: no batch begins');
      assert.match(String(found?.advice), /{"view":"pmr_project","acceptCost":true}/);
      assert.equal(sink.records().filter(({ message }) => message === 'view over budget').length, 2);

      assert.deepEqual(await ask({ view: VIEW, acceptCost: true }), { outcome: 'cost accepted', view: VIEW });

      assert.equal((await statusOf()).state, 'running');
      await on.merge(batch);
      await on.assertEqual();
    });

    it('looks at the result of a merge that was begun before', async () => {
      const batch = await on.stage();
      const held = stack.bigquery.faults.holdNext('bigquery.job.query');
      const hurried = await on.hurriedProcess(held);
      assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
      await spend(1_000_000_000_000);

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      held.release();
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied' });
      await on.source.change('app_project', 1, { name: 'uno' });
      assert.deepEqual(await on.extract(), { outcome: 'skipped', view: VIEW, reason: 'over budget' });
    });

    it('begins no merge that was only recorded before', async () => {
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.jobs.insert', failBefore(401));
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });
      await on.control.query(`update etl.etl_transaction set state = 'applying'`);
      const before = await usage();
      await spend(1_000_000_000_000);

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
      assert.equal((await usage()).length, before.length + 1);
      assert.deepEqual(await on.states(), ['applying']);

      await ask({ view: VIEW, acceptCost: true });
      await on.merge(batch);
      await on.assertEqual();
    });

    it('goes on with a stream that has begun', async () => {
      const entry = { ...STREAMED_ENTRY, daily_budget_bytes: 1 };
      await on.source.add('app_incident', { id: 1, type: 'one' });
      const batch = await on.stage(entry.name);
      await on.control.query(`update etl.etl_transaction set state = 'applying'`);
      await importConfiguration({ entries: [entry] }, on.dependencies);
      assert.equal((await statusOf(entry.name)).state, 'over budget');

      await on.stream(batch);
      await on.assertIncidentsEqual();
    });

    it('counts the UTC day only, and lets go on for that day only', async () => {
      await spend(2_000_000_000_000, YESTERDAY);
      assert.equal((await statusOf()).state, 'running');
      await spend(999_999_999_999);
      assert.equal((await statusOf()).state, 'running');
      await spend(1);
      assert.equal((await statusOf()).state, 'over budget');
      await on.control.query(`update etl.view_source set cost_accepted_on = (${YESTERDAY})::date`);
      assert.equal((await statusOf()).state, 'over budget');

      await on.control.query(`update etl.job_usage set ended_at = ${YESTERDAY}`);
      await on.replicate();
    });

    it('never without a budget', async () => {
      await importConfiguration({ entries: [PROJECT_ENTRY] }, on.dependencies);
      await spend(9_000_000_000_000_000);

      await on.replicate();

      assert.equal((await statusOf()).state, 'running');
    });
  });

  it('is forgotten after keep_days', async () => {
    await on.replicate();
    await on.control.query(`update etl.job_usage set ended_at = now() - interval '91 days'`);

    await tick('test', on.dependencies);

    assert.deepEqual(await usage(), []);
  });
});
