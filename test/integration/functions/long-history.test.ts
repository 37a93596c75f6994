import assert from 'node:assert/strict';
import { tick } from '../../../functions/extract/tick.ts';
import { status } from '../../../shared/operations/status.ts';
import { fillControl } from '../../bench/fill-control.ts';
import { AdminClient } from '../../support/admin.ts';
import { rowsRead } from '../../support/rows-read.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';
/** Has batches, but none of late. */
const ASLEEP = 'view_002';
/** So few that PostgreSQL would expect to find a batch of each among the latest. */
const VIEWS = 5;
const TRANSACTIONS = 20_000;

describe('with a long history', () => {
  const { on } = useInstallation({ per: 'file' });
  const operator = new AdminClient(() => on.dependencies);
  const assertReads = async (rows: number, work: () => Promise<unknown>) => {
    const read = await rowsRead(on.control, work);
    assert.ok(read < rows, `${read} rows were read`);
  };

  before(async () => {
    await fillControl(on.control, { transactions: TRANSACTIONS, views: VIEWS });
    for (const table of ['etl_transaction', 'etl_error', 'job_usage', 'consistency_check']) {
      await on.control.query(`delete from etl.${table} where view_name in ('${VIEW}', 'pmr_site')`);
      await on.control.query(`update etl.${table} set view_name = '${VIEW}' where view_name = 'view_001'`);
    }
    await on.control.query(
      `delete from etl.etl_transaction where view_name = '${ASLEEP}' and started_at > now() - interval '60 days'`,
    );
    await on.control.query('vacuum analyze');
  });

  it('a tick reads the view sources only', async () => {
    await assertReads(10 * VIEWS, () => tick('test', on.dependencies));
  });

  it('an extract and a merge read the last batch and the jobs of today', async () => {
    await on.replicate(VIEW);
    await on.source.add('app_project', { id: 1, name: 'one' });
    await assertReads(400, () => on.replicate(VIEW));
    await assertReads(100, () => on.extract(VIEW));
  });

  it('status reads the batches of a day and the jobs of a week', async () => {
    const { rows } = await on.control.query(
      `select (select count(*) from etl.etl_transaction where applied_at > now() - interval '1 day')::int4
         + (select count(*) from etl.job_usage where ended_at > now() - interval '7 days')::int4 as n`,
    );
    await assertReads(rows[0].n + 50 * VIEWS, () =>
      status({ command: 'status', view: undefined }, on.dependencies),
    );
  });

  it('status of a view that is new, or asleep, does not search the others for its last batch', async () => {
    for (const view of ['pmr_site', ASLEEP]) {
      await assertReads(1000, () => status({ command: 'status', view }, on.dependencies));
    }
  });

  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  for (const [path, rows] of [
    ['/', 3000],
    ['/consistency', 3000],
    ['/sources', 3000],
    [`/views/${VIEW}`, 1000],
    [`/views/${ASLEEP}`, 1000],
    [`/views/${VIEW}/pause`, 500],
    [`/report/${yesterday}`, 2000],
  ] as const) {
    it(`the page ${path.replace(yesterday, '…')} reads what it shows`, async () => {
      await assertReads(rows, async () => assert.equal((await operator.get(path)).status, 200));
    });
  }
});
