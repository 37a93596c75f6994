import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import { useOperator } from './use-operator.ts';
import { NO_TICKS_MS } from './use-running-stack.ts';

const VIEW = 'pmr_project';

describe('the actions on a view, in a browser on the running stack,', () => {
  const on = useOperator({ tickMs: NO_TICKS_MS }, { timezoneId: 'UTC' });
  const { stack } = on;

  /** Opens what explains an action, from the page of the view. */
  const choose = async (action: string, view = VIEW) => {
    await on.operator.follow('Overview');
    await on.operator.follow(view);
    const actions = on.operator.page.getByRole('group', { name: 'Actions' });
    await actions.getByText('More', { exact: true }).click();
    await actions.getByRole('link', { name: action, exact: true }).click();
  };
  const rename = (name: string) =>
    stack.inSource('update app_project set project_name = $2 where id = $1', [on.key, name]);
  const isCalled = async (name: string) =>
    (await stack.inTarget('project', `project_id = ${on.key} and project_name = '${name}'`)).length === 1;
  const untilCalled = (name: string) => until(() => isCalled(name));
  /** What the newest entry of the audit says, on its page. */
  const assertAudited = async (action: string, result: string, why: string) => {
    await on.operator.follow('Audit');
    const newest = on.operator.page.getByRole('row').nth(1);
    await on.operator.reloadUntil(newest.getByText(result));
    const [when = '', ...rest] = (await newest.getByRole('cell').allInnerTexts()).map((text) => text.trim());
    assert.match(when, /^\d\d:\d\d:\d\d/, 'today');
    assert.equal(await newest.getByRole('rowheader').innerText(), action);
    assert.match(rest.join(' '), new RegExp(`${result} local user by page ${why}$`, 's'));
  };

  it('run now: brings what has changed at once', async () => {
    await rename('brought at once');
    await stack.log('project', on.key);
    await choose('Run now');
    await on.operator.see('Extract would extract a batch.');
    await on.operator.type('Why', 'the board waits');
    await on.operator.press('Run now');
    await on.operator.see(`A batch of ${VIEW} is requested.`);
    await untilCalled('brought at once');
    await assertAudited('Run now', 'batch requested', 'the board waits');
  });

  it('pause and resume: nothing is brought meanwhile, and everything afterwards', async () => {
    await choose('Pause');
    await on.operator.type('Until', '2126-01-01T10:00');
    await on.operator.type('Why', 'migration');
    await on.operator.press('Pause');
    await on.operator.see(`${VIEW} is paused until`);
    const [paused] = await stack.inControl('select paused_until from etl.view_source where name = $1', [
      VIEW,
    ]);
    assert.deepEqual(paused, { paused_until: new Date('2126-01-01T10:00:00Z') });
    await assertAudited('Pause', 'paused', 'migration');
    await rename('changed in the pause');
    await stack.log('project', on.key);
    await on.operator.follow('Overview');
    await on.operator.row(VIEW).getByText('paused').waitFor();
    await on.operator.follow(VIEW);
    await on.operator.see(/paused .* by local user: migration/);

    await on.operator.follow('Resume');
    await on.operator.type('Why', 'it is done');
    await on.operator.press('Resume');
    await on.operator.see(`${VIEW} runs again from the next tick on.`);
    await assertAudited('Resume', 'resumed', 'it is done');
    assert.ok(!(await isCalled('changed in the pause')));
    await choose('Run now');
    await on.operator.press('Run now');
    await untilCalled('changed in the pause');
  });

  it('backfill keys: fetches rows that nobody has logged', async () => {
    await rename('not logged');
    await choose('Fetch keys again');
    await on.operator.type('Keys', `${on.key}\n999999`);
    await on.operator.press('Show what will happen');
    await on.operator.see('others are deleted in the target.');
    await on.operator.type('Why', 'a support case');
    await on.operator.press('Fetch these keys');
    await on.operator.see(`Extract is asked to queue these keys of ${VIEW}.`);
    await untilCalled('not logged');
    await assertAudited('Backfill keys', 'keys queued', 'a support case');
  });

  it('recheck: fetches what the log has named before its data came', async () => {
    await rename('later than its log row');
    await choose('Recheck');
    await on.operator.type('Since', '2020-01-01T00:00');
    await on.operator.press('Show what will happen');
    await on.operator.see('The next batch fetches every row that the log has named since');
    await on.operator.type('Why', 'a restored backup');
    await on.operator.press('Fetch them again');
    await untilCalled('later than its log row');
    await assertAudited('Recheck', 'keys queued', 'a restored backup');
  });

  it('resync: loads the whole view, after its name is typed', async () => {
    await stack.inSource(`update app_project set project_name = 'resynced ' || id`);
    await choose('Resync');
    await on.operator.type('Why', 'a bulk update');
    await on.operator.type(`Type ${VIEW} to confirm`, 'pmr_projects');
    await on.operator.press('Resync');
    await on.operator.see(`Type ${VIEW} to confirm.`);
    assert.equal(on.browser.takeProblems().length, 1, 'the answer 400');
    await on.operator.type(`Type ${VIEW} to confirm`, VIEW);
    await on.operator.press('Resync');
    await on.operator.see(`The resync of ${VIEW} is requested: the next batch carries the whole view.`);
    await untilCalled(`resynced ${on.key}`);
    await stack.assertEqual(VIEW);
    await assertAudited('Resync', 'resync requested', 'a bulk update');
  });

  it('change load type: feeds a new target, after the name of the view is typed', async () => {
    await choose('Change the load type', 'xyz_incident');
    await on.operator.type('New target', 'incident_merged');
    await on.operator.press('Show what will happen');
    await on.operator.see(
      'The view is loaded as a whole into the new target incident_merged, and fed by merge',
    );
    await on.operator.type('Why', 'deleted rows are wanted');
    await on.operator.type('Type xyz_incident to confirm', 'xyz_incident');
    await on.operator.press('Change load type');
    await on.operator.see('xyz_incident is loaded into incident_merged by merge');
    const firstLoads = on.operator.page.getByRole('row').filter({ hasText: /initial.*applied/s });
    await on.operator.reloadUntil(firstLoads.nth(1));
    assert.ok((await stack.inTarget('incident_merged', 'not is_deleted')).length > 0);
    await stack.assertEqual('xyz_incident');
    await assertAudited('Change load type', 'load type changed', 'deleted rows are wanted');
  });
});
