import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { pass } from '../../emulators/faults.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

describe('BigQuery objects that somebody else changes', () => {
  const { on, stack } = useInstallation();

  beforeEach(async () => {
    await on.source.add(
      'app_project',
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    );
    await on.replicate();
    assert.equal((await on.extract()).outcome, 'idle');
  });

  /** The next extract that has nothing to do looks at the tables. */
  const letAnHourPass = () =>
    on.control.query(`update etl.view_source set target_checked_at = target_checked_at - interval '1 hour'`);
  const findings = async () => (await preflight({ view: VIEW }, on.dependencies)).findings;
  const messages = (sink: { records(): Record<string, unknown>[] }) =>
    sink.records().map(({ message }) => message);

  describe('the reporting view', () => {
    const VIEW_NAME = 'View_SMartData.view_project';
    const replace = () =>
      on.query(
        `create or replace view ${VIEW_NAME} as select * except (etl_transaction_id) from ${on.targetTable()} where name = 'nothing'`,
      );

    it('is created again by the next batch after its query was replaced', async () => {
      await replace();
      assert.deepEqual(await on.visible(), []);
      const check = (await findings()).find(({ check: name }) => name === `view ${VIEW}`);
      assert.match(check?.message ?? '', /view_project has another query: it will be created again/);
      const sink = on.captureLog();
      await on.source.change('app_project', 1, { name: 'uno' });

      await on.replicate();

      await on.assertEqual();
      assert.partialDeepStrictEqual(
        sink.records().find(({ message }) => message === 'reporting view created again'),
        { severity: 'WARNING', view: VIEW },
      );
      const again = on.captureLog();
      await on.source.change('app_project', 1, { name: 'eins' });
      await on.replicate();
      assert.ok(!messages(again).includes('reporting view created again'), 'once');
    });

    it('is created again within an hour if nothing changes', async () => {
      await on.query(`drop view ${VIEW_NAME}`);
      assert.equal((await on.extract()).outcome, 'idle');
      await assert.rejects(on.visible(), /Not found/);
      await letAnHourPass();

      assert.equal((await on.extract()).outcome, 'idle');

      await on.assertEqual();
      await replace();
      await on.extract();
      assert.deepEqual(await on.visible(), [], 'it looked a moment ago');
    });
  });

  describe('a reporting view that BigQuery refuses', () => {
    const VIEW_NAME = 'View_SMartData.view_project';
    /** No view can replace a table. */
    const obstruct = () => on.query(`drop view ${VIEW_NAME}; create table ${VIEW_NAME} (id int64)`);

    it('I8 stops no batch, and is made as soon as that is possible', async () => {
      await obstruct();
      await on.source.change('app_project', 1, { name: 'uno' });
      const sink = on.captureLog();

      await on.replicate();

      assert.equal((await on.target())[0]?.name, 'uno');
      assert.partialDeepStrictEqual(
        sink.records().find(({ message }) => message === 'reporting view refused'),
        { severity: 'WARNING', view: VIEW, kind: 'warehouse' },
      );
      await on.query(`drop table ${VIEW_NAME}`);
      await on.source.change('app_project', 1, { name: 'eins' });
      await on.replicate();
      await on.assertEqual();
    });

    it('I8 is made by the next batch with what it lacks, if it could not be replaced', async () => {
      await on.control.query(`update etl.view_source set report_column = 'opened' where name = $1`, [VIEW]);
      await on.source.change('app_project', 1, { name: 'uno' });
      // The first job makes the objects.
      stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('accessDenied'));
      await on.replicate();
      const asked = on.captureLog();

      await on.source.change('app_project', 1, { name: 'eins' });
      await on.replicate();

      assert.ok(messages(asked).includes('reporting view created again'));
    });

    it('I8 stops no first load either', async () => {
      await obstruct();
      await on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
      await on.query(`drop table ${on.targetTable()}`);

      await on.replicate();

      assert.equal((await on.target()).length, 3);
    });
  });

  describe('the target', () => {
    const resync = () =>
      on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
    const advised = async () =>
      (await findings())
        .filter(({ check, ok }) => check === `target of ${VIEW}` && !ok)
        .map(({ message }) => message);
    const EMPTIED = 'the target has 0 rows, but the last batch left 3: somebody else changed it';

    it('asks for a resync after rows were deleted, whether the view changes or not', async () => {
      await on.query(`delete from ${on.targetTable()} where true`);
      assert.deepEqual(await advised(), [`may be wrong: ${EMPTIED}`]);
      assert.equal((await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice, null);
      await letAnHourPass();
      const sink = on.captureLog();

      assert.equal((await on.extract()).outcome, 'idle');

      assert.partialDeepStrictEqual(
        sink.records().find(({ message }) => message === 'resync advised'),
        { severity: 'WARNING', view: VIEW, reason: EMPTIED },
      );
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.replicate();
      assert.equal((await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice, EMPTIED);
      await resync();
      await on.replicate();
      assert.deepEqual(await advised(), []);
      await on.assertEqual();
    });

    it('asks for a resync at the next batch after it was overwritten with as many rows', async () => {
      await on.query(
        `create or replace table ${on.targetTable()} cluster by project_id as
         select 1 as project_id, 'x' as name union all select 2, 'x' union all select 3, 'x'`,
      );
      await on.source.change('app_project', 1, { name: 'uno' });
      await assert.rejects(on.extract(), { kind: 'schema_drift' });
      assert.match(
        (await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice ?? '',
        /is another table/,
      );
    });

    it('that is gone halts a view without changes within an hour, and the check says so at once', async () => {
      await on.query(`drop table ${on.targetTable()}`);
      assert.equal((await on.extract()).outcome, 'idle');
      assert.partialDeepStrictEqual(
        (await findings()).find(({ check }) => check === `view ${VIEW}`),
        { ok: false, message: `the target of view ${VIEW} is gone, and with it the loaded rows` },
      );
      await letAnHourPass();

      await assert.rejects(on.extract(), { kind: 'configuration', message: /is gone/ });
      await resync();
      await on.replicate();
      await on.assertEqual();
    });

    it('that expires is a finding, with a warning', async () => {
      const table = on.bigquery.dataset('SMartDataAnalytics').table('project');
      await table.setMetadata({ expirationTime: String(Date.UTC(2030, 0, 1)) });
      assert.match(
        (await advised())[0] ?? '',
        /will lose rows: table .*project: BigQuery will delete it at 2030-01-01/,
      );
      const sink = on.captureLog();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.replicate();
      assert.match(
        String(sink.records().find(({ message }) => message === 'target expires')?.remedy),
        /^alter table `.*project` set options \(expiration_timestamp = null\)$/,
      );
    });

    it('with another number of rows than the view is a warning and a finding', async () => {
      await on.source.database.query('delete from app_project where id = 3');
      await on.source.change('app_project', 1, { name: 'uno' });
      const sink = on.captureLog();
      const { etlTransactionId } = await on.replicate();

      assert.partialDeepStrictEqual(
        sink.records().find(({ message }) => message === 'rows differ'),
        { severity: 'WARNING', view: VIEW, source: '2', target: '3', etlTransactionId },
      );
      assert.deepEqual(await advised(), [
        `may be wrong: after batch ${etlTransactionId} the view had 2 rows, the target 3`,
      ]);
      await resync();
      await on.replicate();
      assert.deepEqual(await advised(), []);
    });

    it('that is a table of somebody else is left alone', async () => {
      await on.source.add('app_site', { id: 1 });
      await on.query('create or replace table SMartDataAnalytics.site as select 1 as site_id, 2 as total');

      await assert.rejects(on.extract('pmr_site'), (error: { kind: string; advice: string }) => {
        assert.equal(error.kind, 'schema_drift');
        assert.match(
          error.advice,
          /exists already, .* did not make it\. Import the view with another target_name/,
        );
        assert.doesNotMatch(error.advice, /drop|alter/);
        return true;
      });
    });
  });
});
