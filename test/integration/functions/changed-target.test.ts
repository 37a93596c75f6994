import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

describe('BigQuery objects that somebody else changes', () => {
  const { on } = useInstallation();

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
});
