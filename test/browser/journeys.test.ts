import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import { Operator } from './operator.ts';
import { useBrowser } from './use-browser.ts';
import { useRunningStack } from './use-running-stack.ts';

describe('an operator in a browser, on the running stack,', function () {
  // Two checks one after the other, each of which a busy machine may keep waiting.
  this.timeout(600_000);
  const stack = useRunningStack();
  const browser = useBrowser();
  let operator: Operator;
  beforeEach(async () => {
    operator = new Operator(await browser.open(stack.adminUrl));
  });

  it('brings a new view from nothing to its rows in BigQuery', async () => {
    await stack.inSource(`
      create view pmr_overdue as
      select plan.id as plan_id, plan.planned_date, lead.employee_name as team_lead, plan.remark
      from app_preventivemaintenance as plan left join app_employee as lead on lead.id = plan.team_lead_id
      where plan.ended_pm_date is null`);

    await operator.follow('View sources');
    await operator.follow('New view source');
    await operator.follow('pmr_overdue');
    const proposed = (label: string) => operator.field(label).inputValue();
    assert.equal(await proposed('Main table'), 'app_preventivemaintenance');
    assert.equal(await proposed('App label'), 'app');
    assert.equal(await proposed('Key column'), 'plan_id');
    assert.match(await proposed('Lookups'), /"table": "app_employee"/);
    await operator.type('Target name', 'overdue');
    await operator.press('Check');
    await operator.row('pmr_overdue').getByText('is added').waitFor();
    await operator.see(/key plan_id is unique/);
    assert.deepEqual(await stack.inControl(`select from etl.view_source where name = 'pmr_overdue'`), []);

    await operator.type('Why', 'a report of overdue plans');
    await operator.press('Save');
    await operator.see('Imported: pmr_overdue.');
    await operator.reloadUntil(operator.page.getByRole('heading', { name: 'pmr_overdue ok' }));
    await operator.page.getByRole('cell', { name: 'applied' }).waitFor();
    await stack.assertEqual('pmr_overdue');
    assert.ok((await stack.inTarget('overdue', 'not is_deleted')).length > 0);
  });

  it('I8 I9 sees that a view is halted and why, mends the row, and redrives the view', async () => {
    const [project] = await stack.inSource('select min(project_id) as id from pmr_project');
    const id = Number(project?.id);
    await stack.inSource(`update app_project set project_start = 'infinity' where id = $1`, [id]);
    await stack.log('project', id);

    await operator.reloadUntil(operator.page.getByRole('heading', { name: 'Needs attention' }));
    const trouble = operator.page.getByRole('listitem').filter({ hasText: 'pmr_project' });
    assert.match(
      await trouble.innerText(),
      new RegExp(`is halted: .*key ${id}, column project_start: the value is infinite`),
    );
    await operator.row('pmr_project').getByText('halted').waitFor();

    await stack.inSource(`update app_project set project_start = '2026-02-28' where id = $1`, [id]);
    await trouble.getByRole('link', { name: 'Redrive pmr_project' }).click();
    await operator.see('The changes of its failed batches are captured again.');
    await operator.press('Redrive');
    await operator.see('pmr_project runs again, and a batch is requested.');
    await operator.follow('Overview');
    await until(
      async () =>
        (await stack.inTarget('project', `project_id = ${id} and project_start = '2026-02-28'`)).length === 1,
    );
    await operator.reloadUntil(operator.row('pmr_project').getByText('ok'));
    assert.equal(await operator.page.getByRole('heading', { name: 'Needs attention' }).count(), 0);
    await stack.assertEqual('pmr_project');
  });

  it('finds what nobody has logged, sees which rows differ and how, and repairs them', async () => {
    const [first] = await stack.inSource(`
      with changed as (update app_pm_inventory set actual_date = '2001-02-03' where id = (select min(id) from app_pm_inventory) returning id),
      gone as (delete from app_pm_inventory where id = (select max(id) from app_pm_inventory) returning id),
      added as (
        insert into app_pm_inventory (pm_master_id, inventory_id, is_pm, updated_at)
        select pm_master_id, inventory_id, false, now() from app_pm_inventory limit 1 returning id
      )
      select changed.id as changed, gone.id as gone, added.id as added from changed, gone, added`);
    const { changed, gone, added } = first as Record<'changed' | 'gone' | 'added', string>;

    await operator.follow('Consistency');
    await operator.follow('Check pmr_pm_item');
    await operator.see('All columns of all rows are compared, each side in one snapshot.');
    await operator.press('Compare');
    await operator.see('A check of pmr_pm_item is requested. It appears here when it has begun.');
    const latest = operator.page.getByRole('table', { name: 'Latest result of each view' });
    await operator.reloadUntil(latest.getByText('differs'));
    await operator.page
      .getByRole('table', { name: 'Checks' })
      .getByRole('rowheader')
      .getByRole('link')
      .first()
      .click();
    const kindOf = async (key: string) => await operator.row(key).getByRole('cell').first().innerText();
    assert.equal(await kindOf(changed), 'different');
    assert.equal(await kindOf(gone), 'extra');
    assert.equal(await kindOf(added), 'missing');
    await operator.page.getByText(`actual_date of ${changed}`).click();
    await operator.see('"2001-02-03"');

    await operator.follow('Repair');
    await operator.press('Compare and repair');
    await operator.reloadUntil(latest.getByText('equal'));
    assert.match(await latest.innerText(), /\bequal\b.*\b3\b.*\b3\b/s, 'differences and repaired');
    await stack.assertEqual('pmr_pm_item');
    await operator.follow('Overview');
    await operator.row('pmr_pm_item').getByText('equal').waitFor();
  });
});
