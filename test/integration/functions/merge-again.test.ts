import assert from 'node:assert/strict';
import type { Staged } from '../../support/installation.ts';
import { LOCATION } from '../../support/stack.ts';
import { until } from '../../support/until.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a merge that is retried', () => {
  const { on, stack } = useInstallation();
  let batch: Staged;

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    batch = await on.stage();
  });

  it('I5 because its rows are gone finds the load that outlived its function, and applies the batch once', async () => {
    await on.query(`truncate table ${on.tempTable()}`);
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const hurried = await on.hurriedProcess(held);

    assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
    await held.reached;
    assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
    assert.deepEqual(await on.states(), ['applied', 'applying']);
    held.release();
    const merged = await on.merge(batch);

    assert.partialDeepStrictEqual(merged, { outcome: 'applied', added: '0', changed: '1', deleted: '1' });
    assert.deepEqual(await on.succeededLoads(), ['2_1_1', '2_2_1']);
    assert.deepEqual(
      await on.query(
        `select etl_transaction_id as id, changed, deleted from ${on.ledger()} order by etl_transaction_id`,
      ),
      [
        { id: '1', changed: '0', deleted: '0' },
        { id: '2', changed: '1', deleted: '1' },
      ],
    );
    await on.assertEqual();
    assert.equal((await on.merge(batch)).outcome, 'already finished');
  });

  it('I5 because its rows are gone loads them once, when several deliveries find the running load', async () => {
    await on.query(`truncate table ${on.tempTable()}`);
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const hurried = await on.hurriedProcess(held);
    assert.partialDeepStrictEqual(await hurried.merge(batch), { outcome: 'running' });
    held.release();

    const others = await on.anotherProcess();
    const outcomes = await Promise.all([on.merge(batch), others.merge(batch), on.merge(batch)]);

    assert.equal(outcomes.filter(({ outcome }) => outcome === 'applied').length, 1);
    assert.deepEqual(await on.succeededLoads(), ['2_1_1', '2_2_1']);
    await on.assertEqual();
  });

  it('because of a concurrent transaction succeeds when that transaction has ended', async () => {
    const other = await changeTargetUntilGate();

    const merging = on.merge(batch);
    await Promise.race([merging, until(async () => (await on.batches())[1]?.attempt !== 1)]);
    await other.openGate();
    const merged = await merging;

    assert.partialDeepStrictEqual(merged, { outcome: 'applied', changed: '1', deleted: '1' });
    const [first] = await on.bigquery.job('merge_SMartDataAnalytics_pmr_project_2_1').getMetadata();
    assert.match(
      first.status.errorResult.message,
      /\[smart-datahub:conflict\] .*Transaction is aborted due to concurrent update/,
    );
    assert.deepEqual([await on.haltedReason(), await on.errors()], [null, []]);
    await other.ended();
    await on.assertEqual();
  });

  /** Starts another transaction that has changed the target, and commits when its gate is opened. */
  async function changeTargetUntilGate() {
    const [job] = await on.bigquery.createQueryJob({
      location: LOCATION,
      query: `
        begin transaction;
        update ${on.targetTable()} set name = 'somebody else' where project_id = 1;
        while (
          select count(*) from SMartData_Temp.INFORMATION_SCHEMA.TABLES where table_name = 'gate'
        ) = 0 do
          select 'waiting';
        end while;
        commit transaction`,
    });
    // It has changed the target when a second statement of it has begun.
    await until(async () => (await on.bigquery.getJobs({ parentJobId: String(job.id) }))[0].length > 1);
    return {
      openGate: () => on.query('create table SMartData_Temp.gate (a int64)'),
      ended: () => job.getQueryResults(),
    };
  }
});
