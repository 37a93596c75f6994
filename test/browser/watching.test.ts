import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import { Operator } from './operator.ts';
import { useBrowser } from './use-browser.ts';
import { useRunningStack } from './use-running-stack.ts';

/** Longer than any page waits before it brings itself up to date. */
const REFRESH_MS = 60_000;

describe('watching, in a browser on the running stack:', () => {
  const stack = useRunningStack();
  const browser = useBrowser();
  let operator: Operator;
  let key: number;
  before(async () => {
    const [project] = await stack.inSource('select min(project_id) as id from pmr_project');
    key = Number(project?.id);
  });
  beforeEach(async () => {
    operator = new Operator(await browser.open(stack.adminUrl));
  });

  it('a row is found by its key on both sides, with the log rows that named it and the batches that carried it', async () => {
    await stack.inSource(`update app_project set project_name = 'looked up' where id = $1`, [key]);
    await stack.log('project', key);
    const [logged] = await stack.inSource('select max(id) as id from models_logging_change');

    await operator.follow('pmr_project');
    await operator.type('Key', String(key));
    await operator.press('Look up');
    const sides = operator.page.getByRole('table', { name: 'Row on both sides' });
    const name = sides.getByRole('row').filter({ hasText: 'project_name' });
    await operator.reloadUntil(name.getByText('same'));
    assert.equal(await name.getByText('"looked up"').count(), 2);
    await operator.see('Both sides have the same values.');
    const batch = operator.row(String(logged?.id)).getByRole('link');
    const id = (await batch.innerText()).replace('batch ', '');
    const writer = operator.page
      .locator('.facts > div')
      .filter({ hasText: 'Last wrote the row of the target' });
    assert.match(await writer.innerText(), new RegExp(`batch ${id} \\(incremental\\), applied`));
    await batch.click();
    await operator.page.getByRole('heading', { name: id }).waitFor();

    await stack.inSource(`update app_project set project_name = 'behind its back' where id = $1`, [key]);
    await operator.page.goBack();
    await operator.reloadUntil(name.getByText('differs'));
    await operator.see('One column differs. No log row that names it is waiting');
    await stack.log('project', key);
    await operator.reloadUntil(name.getByText('same'));
  });

  it('the second of two operators who edit a view source is told, and overwrites nothing', async () => {
    const other = new Operator(await browser.open(stack.adminUrl));
    for (const each of [operator, other]) {
      await each.follow('View sources');
      await each.follow('Edit pmr_project');
    }
    await operator.type('Recheck seconds', '30');
    await operator.press('Save');
    await operator.see('Imported: pmr_project.');

    await other.type('Max deleted share', '0.25');
    await other.press('Save');
    await other.see('somebody has changed view source pmr_project since you looked at it');
    assert.equal(browser.takeProblems().length, 1, 'the answer 409');
    const change = other.page.getByRole('table', { name: 'What would change' }).getByRole('row');
    assert.match(await change.filter({ hasText: 'recheck_seconds' }).innerText(), /30\s+0$/);
    assert.match(await change.filter({ hasText: 'max_deleted_share' }).innerText(), /0\.25$/);
    const stored = () => stack.inControl(`select * from etl.view_source where name = 'pmr_project'`);
    const [before] = await stored();
    assert.equal(before?.recheck_seconds, 30);
    assert.notEqual(before?.max_deleted_share, 0.25);

    assert.equal(await other.field('Max deleted share').inputValue(), '0.25', 'nothing to type again');
    await other.type('Recheck seconds', '30');
    await other.press('Save');
    await other.see('Imported: pmr_project.');
    const [after] = await stored();
    assert.deepEqual([after?.recheck_seconds, after?.max_deleted_share], [30, 0.25]);
  });

  it('the overview and a view say that it is halted by themselves, and what a reader has opened and typed stays', async () => {
    const watcher = new Operator(await browser.open(stack.adminUrl));
    await watcher.page.clock.install();
    await watcher.follow('pmr_pm_plan');
    await watcher.page.getByRole('group', { name: 'Actions' }).getByText('More', { exact: true }).click();
    await watcher.type('Key', 'a key that is not sent yet');
    // Which focuses all of the content.
    await watcher.page.getByRole('heading', { name: 'pmr_pm_plan ok' }).click();

    await stack.inSource(
      `update app_preventivemaintenance set planned_date = 'infinity' where id = (select max(pm_id) from pmr_pm_plan)`,
    );
    const [plan] = await stack.inSource('select max(pm_id) as id from pmr_pm_plan');
    await stack.log('preventivemaintenance', Number(plan?.id));
    await operator.page.getByRole('link', { name: 'Redrive pmr_pm_plan' }).waitFor();
    await operator.row('pmr_pm_plan').getByText('halted').waitFor();

    await watcher.page.clock.fastForward(REFRESH_MS);
    await watcher.page.getByRole('heading', { name: 'pmr_pm_plan halted' }).waitFor();
    assert.ok(await watcher.page.getByRole('link', { name: 'Forget the view' }).isVisible());
    assert.equal(await watcher.field('Key').inputValue(), 'a key that is not sent yet');
  });

  it('the list of transactions shows a new one by itself, and keeps the filter that a reader is choosing', async () => {
    const { page } = operator;
    await page.clock.install();
    await operator.follow('Transactions');
    await page.getByLabel('state').selectOption('failed');
    await operator.type('From', '2026-01-01');
    const [last] = await stack.inControl('select max(id) as id from etl.etl_transaction');
    const id = String(Number(last?.id) + 1);
    await stack.log('project', key);
    await until(
      async () => (await stack.inControl('select from etl.etl_transaction where id = $1', [id])).length === 1,
    );
    await page.clock.fastForward(REFRESH_MS);
    await operator.row(id).waitFor();
    assert.equal(await page.getByLabel('state').inputValue(), 'failed');
    assert.equal(await operator.field('From').inputValue(), '2026-01-01');
  });
});
