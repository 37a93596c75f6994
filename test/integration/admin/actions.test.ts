import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { hiddenOf, isOffered, OPERATOR, SCRIPT, useActions, VIEW } from './use-actions.ts';

describe('the actions of the admin page', () => {
  const actions = useActions();
  const { act, audit, deliver, notice, on, status } = actions;

  it('run: says what extract would do, asks it once, and records who and why', async () => {
    await on.source.change('app_project', 1, { name: 'uno' });
    const page = await actions.operator.get(`/views/${VIEW}/run`);
    assert.match(page.text, /Extract would extract a batch\./);
    assert.match(page.text, /New log rows 1 Rows to write 1 Rows to delete 0/);

    const answer = await act('run', { why: 'the board waits' });

    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get('location'), `/views/${VIEW}`);
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: VIEW, trigger: 'operator' }]);
    assert.partialDeepStrictEqual(await audit(), [
      {
        via: 'page',
        requested_by: OPERATOR,
        action: 'run',
        views: [VIEW],
        reason: 'the board waits',
        outcome: 'batch requested',
      },
    ]);
    assert.match(await notice(), /A batch of pmr_project is requested\. .*Entry in the audit/);
    assert.doesNotMatch(await notice(), /is requested/, 'a notice is shown once');
    await on.catchUp();
  });

  it('pause: until a time, with its reason, and the tick ends it', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/pause`);
    assert.match(page.text, /Nothing of the view is extracted or applied until/);
    assert.match(page.text, /No batch is in flight\./);
    assert.match(
      page.html,
      /Until <span class="note zone">\(UTC\)<\/span><\/span> <input type="datetime-local" name="until"/,
    );

    assert.equal((await act('pause', { why: 'migration', until: '2126-01-01T10:00' })).status, 303);

    assert.partialDeepStrictEqual((await status())?.paused, { by: OPERATOR, why: 'migration' });
    assert.equal(Date.parse((await status())?.paused?.until ?? ''), Date.parse('2126-01-01T10:00:00Z'));
    assert.match(await notice(), /pmr_project is paused until 2126-01-01 10:00 UTC \./);
    assert.partialDeepStrictEqual(await audit(), [
      {
        action: 'pause',
        reason: 'migration',
        request: { until: '2126-01-01T10:00:00.000Z' },
        outcome: 'paused',
      },
    ]);
    assert.match(
      (await actions.operator.get(`/views/${VIEW}/pause`)).text,
      /It is paused already since .* by operator/,
    );
    for (const path of ['run', 'reconcile', 'repair']) {
      const stopped = await actions.operator.get(`/views/${VIEW}/${path}`);
      assert.match(stopped.text, /This cannot be done now\. The view is paused\./);
      assert.ok(!isOffered(stopped));
    }
    await on.control.query(`update etl.view_source set paused_until = now()`);
    await dispatch({}, { functionName: 'extract', event: {} }, on.dependencies);
    assert.equal((await status())?.paused, null);
  });

  it('pause: refuses a time that has passed, and one that is none, and keeps what was filled in', async () => {
    const late = await act('pause', { why: 'late', until: '2020-01-01T10:00' });
    assert.equal(late.status, 400);
    assert.match(late.text, /It was not done\..*2020-01-01T10:00:00.000Z has passed.*Name a later time/);
    assert.match(late.html, /name="why" maxlength="500" value="late"/);
    const none = await act('pause', { until: 'tomorrow' });
    assert.equal(none.status, 400);
    assert.match(none.text, /Until is not a time/);
    assert.equal((await status())?.paused, null);
  });

  it('resume: counts what is captured again and resolved, and is not offered for a running view', async () => {
    assert.match((await actions.operator.get(`/views/${VIEW}/resume`)).text, /neither paused nor halted/);
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice) values
         ('extract', '${VIEW}', 'bad_data', 'a', 'b'), ('extract', '${VIEW}', 'invalid_event', 'a', 'b')`,
    );
    await on.dependencies.control.viewStops.halt(VIEW, `wrong figures ${SCRIPT}`);
    const page = await actions.operator.get(`/views/${VIEW}/resume`);
    assert.match(page.text, /It is halted: wrong figures/);
    assert.match(page.text, /Failed batches 0 Failures to resolve 1/);
    assert.doesNotMatch(page.html, /<script>alert/);

    assert.equal((await act('resume', { why: 'they are right' })).status, 303);

    assert.equal((await status())?.state, 'running');
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'resume', outcome: 'resumed', requested_by: OPERATOR },
    ]);
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('redrive: lets a halted view run again at once', async () => {
    await on.dependencies.control.viewStops.halt(VIEW, 'wrong figures');
    assert.match((await actions.operator.get(`/views/${VIEW}/redrive`)).text, /a batch is requested at once/);

    assert.equal((await act('redrive')).status, 303);

    assert.equal((await status())?.state, 'running');
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: VIEW, trigger: 'redrive' }]);
    assert.partialDeepStrictEqual(await audit(), [{ action: 'redriveView', outcome: 'redriven' }]);
  });

  it('reconcile and repair: say what is read, and ask reconcile for it', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/reconcile`);
    assert.match(page.text, /All columns of all rows are compared/);
    assert.match(page.text, /BigQuery reads \d/);
    assert.match(
      (await actions.operator.get(`/views/${VIEW}/repair`)).text,
      /If more than 10 % of the rows differ/,
    );

    const answer = await act('reconcile?mode=keys', { why: 'quarter end' });
    assert.equal(answer.headers.get('location'), `/consistency?view=${VIEW}`);
    await act('repair?mode=since&since=7');

    assert.deepEqual(await on.mailboxes.reconcile.take(), [
      { view: VIEW, mode: 'keys', repair: false, by: OPERATOR },
      { view: VIEW, since: 7, repair: true, by: OPERATOR },
    ]);
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'reconcile', reason: 'quarter end', request: { options: { mode: 'keys', repair: false } } },
      { action: 'reconcile', request: { options: { since: 7, repair: true } } },
    ]);
    assert.match(
      (await actions.operator.get('/audit')).text,
      /Repair pmr_project ● check requested.* Reconcile pmr_project/,
    );
    assert.equal((await actions.operator.get(`/views/${VIEW}/reconcile?mode=half`)).status, 400);
    assert.equal((await actions.operator.get(`/views/${VIEW}/reconcile?mode=since&since=0`)).status, 400);
    const [, other] = [await actions.operator.get('/views/pmr_site/repair'), await status('pmr_site')];
    assert.equal(other?.lastCheck, null);
    assert.match((await actions.operator.get('/views/pmr_site/repair')).text, /The view is not loaded yet\./);
  });

  it('reconcile: says what a check of the rows that changed lately reads, not what one of all rows would', async () => {
    await on.source.database.query(
      `update app_project set updated_at = now() - interval '30 days' where id = 1`,
    );
    const page = await actions.operator.get(`/views/${VIEW}/reconcile?mode=since&since=7`);
    assert.match(page.text, /Rows that changed 1 BigQuery reads \d/);
    assert.match(page.text, /and the target once more, as a whole, if rows differ\./);
    assert.match(
      (await actions.operator.get(`/views/${VIEW}/reconcile`)).text,
      /Rows in the source, about \d.*BigQuery reads \d/,
    );
  });

  it('keys: counts them in the view, and extract, asked by message, queues them in the name of who asked', async () => {
    const empty = await actions.operator.get(`/views/${VIEW}/keys`);
    assert.ok(!isOffered(empty), 'the keys are missing');
    const preview = await actions.operator.post(`/views/${VIEW}/keys`, {
      step: 'preview',
      keys: '1, 2\r\n99\n1',
    });
    assert.match(preview.text, /Keys 3 In the view 2 Not in the view 1/);

    const answer = await actions.operator.post(`/views/${VIEW}/keys`, {
      ...hiddenOf(preview),
      why: 'they look old',
    });

    assert.equal(answer.status, 303);
    assert.partialDeepStrictEqual(await audit(), [{ action: 'keys', ended_at: null, via: 'page' }]);
    const [message] = await deliver();
    assert.partialDeepStrictEqual(message, {
      view: VIEW,
      keys: ['1', '2', '99'],
      by: OPERATOR,
      why: 'they look old',
    });
    assert.partialDeepStrictEqual(await audit(), [
      {
        via: 'page',
        requested_by: OPERATOR,
        reason: 'they look old',
        request: { keys: ['1', '2', '99'] },
        outcome: 'keys queued',
        attempts: 2,
      },
    ]);
    assert.equal((await audit()).length, 1);
    assert.equal((await status())?.queuedKeys, 3);
  });

  it('keys: refuses what is no key of the view', async () => {
    const preview = await actions.operator.get(
      `/views/${VIEW}/keys?keys=${encodeURIComponent(`1\n') or true --`)}`,
    );
    assert.equal(preview.status, 200);
    assert.match(preview.text, /This cannot be done now\. These are no keys of the view: "'\) or true --"/);
    assert.ok(!isOffered(preview));
  });

  it('recheck: counts the rows that the log has named, and extract queues them', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/recheck?since=2020-01-01T00:00`);
    assert.match(page.text, /Rows 2/);
    assert.ok(!isOffered(await actions.operator.get(`/views/${VIEW}/recheck?since=2126-01-01`)));

    assert.equal((await act('recheck?since=2020-01-01T00:00')).status, 303);
    await deliver();

    assert.partialDeepStrictEqual(await audit(), [
      { action: 'recheck', outcome: 'keys queued', result: { keysQueued: 2 }, requested_by: OPERATOR },
    ]);
  });

  it('accept the cost: says what was billed, and is not offered without a budget', async () => {
    assert.match((await actions.operator.get(`/views/${VIEW}/accept-cost`)).text, /The view has no budget\./);
    await on.control.query(`update etl.view_source set daily_budget_bytes = 1 where name = $1`, [VIEW]);
    assert.equal((await status())?.state, 'over budget');
    const page = await actions.operator.get(`/views/${VIEW}/accept-cost`);
    assert.match(page.text, /Budget of a day 1 B Billed today \(UTC\) [1-9]/);
    assert.match((await actions.operator.get(`/views/${VIEW}/run`)).text, /do nothing: over budget/);

    assert.equal((await act('accept-cost', { why: 'quarter end' })).status, 303);

    assert.equal((await status())?.state, 'running');
    assert.partialDeepStrictEqual(await audit(), [{ action: 'acceptCost', outcome: 'cost accepted' }]);
  });

  it('purge: refuses a time that is still to come', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/purge?before=2126-01-01T00:00`);
    assert.match(page.text, /This cannot be done now\. .* is in the future\. Name a time that has passed\./);
    assert.doesNotMatch(page.text, /does not answer/);
    assert.equal(isOffered(page), false);
  });

  it('purge: counts the rows, asks for the name and the reason, and extract removes them', async () => {
    await on.source.add('app_project', { id: 3, name: 'three' });
    await on.catchUp();
    await on.source.delete('app_project', 3);
    await on.catchUp();
    const path = 'purge?before=2126-01-01T00:00';
    assert.match((await actions.operator.get(`/views/${VIEW}/${path}`)).text, /in the future/);
    await on.query(
      `update ${on.targetTable()} set update_at = timestamp '2025-06-01 00:00:00+00' where project_id = 3`,
    );
    const address = 'purge?before=2026-01-01T00:00';
    const page = await actions.operator.get(`/views/${VIEW}/${address}`);
    assert.match(page.text, /Rows 1 Confirm Why Type pmr_project to confirm/);

    const wrong = await act(address, { why: 'gdpr', confirm: 'project' });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /Nothing was done\. Type pmr_project to confirm\./);
    assert.match((await act(address, { confirm: VIEW })).text, /Nothing was done\. Say why\./);
    assert.deepEqual(await on.mailboxes.extract.take(), []);

    const answer = await act(address, { why: 'gdpr', confirm: VIEW });
    const [{ id } = { id: 0 }] = await audit();
    assert.equal(answer.headers.get('location'), `/audit/${id}`);
    assert.match((await actions.operator.get(`/audit/${id}`)).text, /not ended/);
    await deliver();

    assert.deepEqual(
      (await on.target()).map(({ project_id }) => project_id),
      ['1', '2'],
    );
    assert.match((await actions.operator.get(`/audit/${id}`)).text, /● purged.*"rows": "1"/);
  });

  it('resync: needs the typed name and the reason; deletes may be accepted, and the request withdrawn', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/resync`);
    assert.match(page.text, /If more than 50 % of the target's rows would be deleted/);
    assert.match(page.text, /Target rows, last count \d/);
    assert.equal((await act('resync', { why: 'x', confirm: 'pmr_projects' })).status, 400);
    assert.equal((await status())?.resyncRequested, false);

    await act('resync', { why: 'restored', confirm: VIEW, acceptDeletes: 'yes' });

    assert.equal((await status())?.resyncRequested, true);
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'resync', reason: 'restored', request: { isWanted: true, acceptsDeletes: true } },
    ]);
    await act('resync', { why: 'not needed', confirm: VIEW, withdraw: 'yes' });
    assert.equal((await status())?.resyncRequested, false);
    assert.match(await notice(), /The resync of pmr_project is withdrawn\./);
  });

  it('change of load type: refuses a target that is taken, and needs the typed name', async () => {
    assert.match(
      (await actions.operator.get(`/views/pmr_site/load-type?target=project`)).text,
      /Choose another target: project is the target of view pmr_project\./,
    );
    assert.equal((await actions.operator.get(`/views/pmr_site/load-type?target=a-b`)).status, 400);
    const page = await actions.operator.get(`/views/pmr_site/load-type?target=site_2`);
    assert.match(page.text, /into the new target site_2, and fed by bq-storage-api/);
    assert.equal((await act('load-type?target=site_2', { why: 'x', confirm: VIEW }, 'pmr_site')).status, 400);

    await act('load-type?target=site_2', { why: 'fast', confirm: 'pmr_site' }, 'pmr_site');

    assert.partialDeepStrictEqual(await status('pmr_site'), { loadType: 'bq-storage-api' });
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'loadType', request: { loadType: 'bq-storage-api', target: 'site_2' }, reason: 'fast' },
    ]);
  });
});
