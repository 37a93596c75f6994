import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { purge } from '../../../shared/operations/purge.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

describe('Metadata of BigQuery that are late or in another form', () => {
  const { on, stack } = useInstallation();

  const findings = async (check: string) =>
    (await preflight({ view: VIEW }, on.dependencies)).findings.filter(({ check: name }) => name === check);
  const logged = (sink: { records(): Record<string, unknown>[] }, message: string) =>
    sink.records().filter((record) => record.message === message);
  const addRows = (...ids: number[]) =>
    on.source.add('app_project', ...ids.map((id) => ({ id, name: `name ${id}` })));

  describe('of the number of rows', () => {
    let showSizes: () => void = () => undefined;
    afterEach(() => showSizes());

    const mayBeWrong = async () =>
      (await findings(`target of ${VIEW}`)).filter(({ ok }) => !ok).map(({ message }) => message);
    const snapshotRows = async () =>
      (await on.dependencies.control.viewSources.get(VIEW)).targetSnapshot?.rows;
    /** How many jobs have counted the rows of the target. */
    const counts = async () =>
      (await on.bigquery.getJobs({ allUsers: true }))[0].filter(({ id }) =>
        id?.startsWith(`rows_SMartDataAnalytics_${VIEW}_`),
      ).length;

    /** The target has three rows, and the last batch found one in the metadata. */
    async function replicateLate(): Promise<void> {
      await addRows(1);
      await on.replicate();
      showSizes = await stack.bigquery.delaySizes();
      await addRows(2, 3);
      await on.replicate();
      showSizes();
      assert.equal(await snapshotRows(), '1');
    }

    it('ask for no resync after a merge: the rows are counted, once', async () => {
      await replicateLate();
      assert.deepEqual(await mayBeWrong(), []);
      assert.deepEqual(await mayBeWrong(), []);
      const sink = on.captureLog();
      await addRows(4);

      await on.stage();

      assert.deepEqual(logged(sink, 'resync advised'), []);
      assert.equal(await snapshotRows(), '3', 'renewed');
      assert.equal(await counts(), 1);
      const { rows } = await on.control.query(
        `select count(*)::int4 as jobs from etl.job_usage where view_name = $1 and job_id like 'rows_%' and bytes_billed > 0`,
        [VIEW],
      );
      assert.deepEqual(rows, [{ jobs: 1 }]);
    });

    it('ask for no resync after a purge', async () => {
      await addRows(1, 2);
      await on.replicate();
      await on.source.delete('app_project', 2);
      await on.replicate();
      await on.query(
        `update ${on.targetTable()} set update_at = timestamp '2025-06-01 00:00:00+00' where is_deleted`,
      );
      showSizes = await stack.bigquery.delaySizes();
      await purge(
        { view: VIEW, before: new Date('2026-01-01T00:00:00Z'), confirmation: VIEW },
        on.dependencies,
      );
      showSizes();
      assert.equal(await snapshotRows(), '2');

      assert.deepEqual(await mayBeWrong(), []);
    });

    it('hide no change by somebody else', async () => {
      await replicateLate();
      await on.query(`delete from ${on.targetTable()} where project_id = 3`);
      const reason = 'the target has 2 rows, but the last batch left 1: somebody else changed it';
      assert.deepEqual(await mayBeWrong(), [`may be wrong: ${reason}`]);
      const sink = on.captureLog();
      await addRows(4);

      await on.replicate();

      assert.partialDeepStrictEqual(logged(sink, 'resync advised'), [{ severity: 'WARNING', reason }]);
      assert.equal((await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice, reason);
      assert.equal(await counts(), 1);
    });

    it('are not asked about a table without the columns of a target', async () => {
      await replicateLate();
      await on.query(
        `create or replace table ${on.targetTable()} cluster by project_id as select 1 as project_id, 'x' as name`,
      );
      await on.dependencies.control.viewStops.resume(VIEW);
      await on.control.query(
        `update etl.view_source set target_state = jsonb_set(target_state, '{rows}', '"3"') where name = $1`,
        [VIEW],
      );
      await addRows(4);

      await assert.rejects(on.extract(), { kind: 'schema_drift' });

      assert.match(
        String((await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice),
        /has 1 rows, but the last batch left 3/,
      );
    });

    it('ask for a resync where the batches have no count to compare with', async () => {
      await replicateLate();
      await on.control.query('update etl.etl_transaction set target_rows = null');

      assert.deepEqual(await mayBeWrong(), [
        'may be wrong: the target has 3 rows, but the last batch left 1: somebody else changed it',
      ]);
      assert.equal(await counts(), 0);
    });
  });

  describe('of the query of a reporting view', () => {
    let showQueries: () => void = () => undefined;
    afterEach(() => showQueries());

    const REPORTING_VIEW = 'View_SMartData.view_project';
    const remade = async () => {
      const sink = on.captureLog();
      await on.source.change('app_project', 1, { name: `name ${Math.random()}` });
      await on.replicate();
      return logged(sink, 'reporting view created again').length;
    };
    const checked = async () => String((await findings(`view ${VIEW}`))[0]?.message);
    const OTHER = /view_project has another query: it will be created again/;
    /** As a service might keep it: other white space, key words in capitals, redundant parentheses. */
    const answerInOtherForm = () => {
      showQueries = stack.bigquery.rewriteViewQueries((query) =>
        query
          .replaceAll(/\s+/g, ' ')
          .replaceAll(/\b(select|from|where|and|or)\b/g, (word) => word.toUpperCase())
          .replace(/WHERE (.*?);?\s*$/, 'WHERE ($1)'),
      );
    };

    it('do not make it again at each batch', async () => {
      answerInOtherForm();
      await addRows(1);
      await on.replicate();

      assert.doesNotMatch(await checked(), OTHER);
      assert.equal(await remade(), 0);
      assert.equal(await remade(), 0);
    });

    it('hide no change by somebody else', async () => {
      answerInOtherForm();
      await addRows(1);
      await on.replicate();
      await on.query(
        `create or replace view ${REPORTING_VIEW} as select * except (etl_transaction_id) from ${on.targetTable()} where name = 'nothing'`,
      );
      assert.match(await checked(), OTHER);

      assert.equal(await remade(), 1);

      await on.assertEqual();
      assert.doesNotMatch(await checked(), OTHER);
      assert.equal(await remade(), 0);
    });

    it('of an earlier release are recognised as they are, and else made again once', async () => {
      await addRows(1);
      await on.replicate();
      await on.control.query('update etl.view_source set reporting_view_hash = null');
      assert.doesNotMatch(await checked(), OTHER);
      assert.equal(await remade(), 0);
      answerInOtherForm();

      assert.equal(await remade(), 1);

      assert.equal(await remade(), 0);
    });
  });
});
