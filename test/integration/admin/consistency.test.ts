import assert from 'node:assert/strict';
import { AdminClient, linkOf } from '../../support/admin.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { HOSTILE } from './hostile-texts.ts';

const SECRET = 'a secret value';

describe('the pages of consistency', () => {
  const { on } = useInstallation();
  const operator = new AdminClient(() => on.dependencies);
  const viewer = new AdminClient(() => on.dependencies, 'viewer');

  /** A view of which one row bypassed the log and one was changed in BigQuery. */
  async function damage(): Promise<void> {
    await on.source.add(
      'app_project',
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    );
    await on.replicate();
    await on.source.database.query(
      `update app_project set name = '${SECRET}', share = 123456789.125 where id = 2`,
    );
    await on.query(`update ${on.targetTable()} set name = '<b>other</b>' where project_id = 3`);
  }

  it('says what to do while there is neither a check nor a view', async () => {
    const { text } = await operator.get('/consistency');
    assert.match(text, /pmr_project ○ not checked/);
    assert.match(text, /There is no check yet/);
    await on.control.query('delete from etl.view_source');
    assert.match((await operator.get('/consistency')).text, /There are no views yet/);
  });

  it('shows the latest result of each view, and the history', async () => {
    await damage();
    await on.reconcile();
    const page = await operator.get('/consistency');
    assert.match(page.text, /pmr_project ■ differs .* all columns 2 0 Check pmr_project Repair pmr_project/);
    assert.match(page.text, /pmr_site ○ not checked/);
    assert.match(page.text, /1 pmr_project ■ differs all columns .* manual 3 3 0 0 2 0 0/);
    assert.ok(page.html.includes('href="/views/pmr_project/repair"'));

    await on.reconcile({ repair: true });
    const repaired = await operator.get('/consistency');
    assert.match(repaired.text, /pmr_project ● equal .* all columns 2 2 Check pmr_project/);
    assert.match(repaired.text, /2 pmr_project ● equal all columns, repairs/);
    assert.ok(!(await viewer.get('/consistency')).html.includes('/repair'));
    assert.match(
      (await operator.get('/consistency?view=pmr_site')).text,
      /History of pmr_site There is no check yet/,
    );
  });

  it('pages through the history by number', async () => {
    await on.control.query(
      `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at, is_consistent)
       select 'pmr_project', 'full', 'test', false, 'done', now(), true from generate_series(1, 60)`,
    );
    const first = await operator.get('/consistency?view=pmr_project');
    const older = linkOf(first, 'Older checks');
    assert.equal(older, '/consistency?view=pmr_project&before=11#history');
    const second = await operator.get(older.replace('#history', ''));
    assert.match(second.text, /10 ● equal .* 1 ● equal/);
    assert.ok(!second.text.includes('Older checks'));
  });

  it('shows why rows of a check differ, what helps, and the values of both sides to operators', async () => {
    await damage();
    await on.reconcile();
    const page = await operator.get('/consistency/1');

    assert.equal(page.status, 200);
    assert.match(page.text, /■ differs/);
    assert.match(page.text, /different 2 on both sides, with other values/);
    assert.match(
      page.text,
      /bypassed the log 1 0 no log row announced the change: a bulk update, bulk_create , raw SQL/,
    );
    assert.match(page.text, /changed in BigQuery 1 0 .* Find who it was: the audit log of the target/);
    assert.match(page.text, /2 different bypassed the log name, share/);
    assert.match(page.text, /share 123456789\.125 –|share "?123456789\.125"? NULL/);
    assert.match(page.text, new RegExp(`name "${SECRET}" "two"`));
    assert.match(page.text, /name "three" "<b>other<\/b>"/);
    assert.ok(!page.html.includes('<b>other'));
    assert.equal(linkOf(page, 'Repair'), '/views/pmr_project/repair');
    assert.equal(linkOf(page, '2'), '/views/pmr_project/row?key=2');
    assert.equal(page.headers.get('cache-control'), 'no-store');

    const one = await operator.get(linkOf(page, 'changed in BigQuery').replace('#rows', ''));
    assert.match(one.text, /Rows that differ: changed in BigQuery .* 3 different/);
    assert.ok(!one.text.includes(SECRET));
  });

  it('shows a viewer counts and classes, but no row and no repair', async () => {
    await damage();
    await on.reconcile();
    const { text, html, status } = await viewer.get('/consistency/1');
    assert.equal(status, 200);
    assert.match(text, /Why rows differ .*bypassed the log 1 0/);
    assert.match(text, /Operators also see the rows/);
    assert.ok(!html.includes('id="row-'));
    assert.ok(!text.includes(SECRET));
    assert.ok(!html.includes('/row?') && !html.includes('/repair'));
  });

  it('shows everything else when the report cannot be read', async () => {
    await damage();
    await on.reconcile();
    await on.parts.bucket.deleteFiles({ prefix: 'reports/' });
    const { status, text } = await operator.get('/consistency/1');
    assert.equal(status, 200);
    assert.match(text, /The values of the rows cannot be shown\. .* it is gone Check the view again/);
    assert.match(text, /2 different bypassed the log name, share/);
  });

  it('shows how far a running check has come', async () => {
    await damage();
    await on.check();
    const { text } = await operator.get('/consistency/1');
    assert.match(text, /◐ confirming/);
    assert.match(text, /looks at them a second time after the next batch/);
    assert.match(text, /not confirmed yet 2 0/);
    assert.match((await operator.get('/consistency')).text, /pmr_project ◐ confirming/);

    await on.control.query(
      `update etl.consistency_check set state = 'comparing', cuts = '["1", "2"]', parts_done = 1`,
    );
    assert.match((await operator.get('/consistency/1')).text, /Parts of the source that were read: 1 of 3/);
  });

  it('says why a check found no answer', async () => {
    await on.control.query(
      `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at, error)
       values ('pmr_project', 'full', 'test', false, 'failed', now(), 'no <quiet> moment')`,
    );
    const { text } = await operator.get('/consistency/1');
    assert.match(text, /▲ no answer no <quiet> moment/);
  });

  it('pages through many rows by key', async () => {
    await damage();
    await on.reconcile();
    await on.control.query(
      `insert into etl.consistency_difference (check_id, key, kind, class)
       select 1, 'k"&' || lpad(n::text, 3, '0'), 'extra', 'unexplained' from generate_series(1, 120) n`,
    );
    let page = await operator.get('/consistency/1?class=unexplained');
    const keys: string[] = [];
    for (;;) {
      keys.push(...[...page.text.matchAll(/k"&(\d+)/g)].map(([, n = '']) => n));
      if (!page.text.includes('More rows')) break;
      page = await operator.get(linkOf(page, 'More rows').replace('#rows', ''));
    }
    assert.equal(new Set(keys).size, 120);
  });

  it('answers 404 for a check that does not exist, and 400 for wrong parameters', async () => {
    assert.equal((await operator.get('/consistency/77')).status, 404);
    for (const text of HOSTILE) {
      const encoded = encodeURIComponent(text);
      const wrong = await operator.get(`/consistency/${encoded}`);
      assert.equal(wrong.status, 404, text);
      const before = await operator.get(`/consistency?before=${encoded}`);
      assert.equal(before.status, 400, text);
      const view = await operator.get(`/consistency?view=${encoded}`);
      assert.ok([200, 400].includes(view.status), text);
      for (const { html } of [wrong, before, view]) {
        assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
      }
    }
    await damage();
    await on.reconcile();
    for (const text of HOSTILE) {
      const encoded = encodeURIComponent(text);
      assert.equal((await operator.get(`/consistency/1?class=${encoded}`)).status, 400, text);
      const { status, html } = await operator.get(`/consistency/1?after=${encoded}`);
      assert.ok([200, 400].includes(status), text);
      assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
    }
  });
});
