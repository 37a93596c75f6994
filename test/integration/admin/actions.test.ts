import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { dispatch } from '../../../functions/extract/extract.ts';
import { failBefore } from '../../emulators/faults.ts';
import { AdminClient, type AdminPage, unescaped } from '../../support/admin.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';
const OPERATOR = 'operator@example.com';
const PATHS = [
  ...['run', 'pause', 'resume', 'redrive', 'reconcile', 'repair', 'keys', 'recheck', 'resync', 'load-type'],
  ...['accept-cost', 'purge', 'forget'],
];
const SCRIPT = '"><script>alert(1)</script>';

describe('the actions of the admin page', () => {
  const { on, stack } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
  let operator: AdminClient;

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.catchUp();
  });

  beforeEach(async () => {
    operator = new AdminClient(() => on.dependencies);
    await on.control.query(`truncate etl.audit; delete from etl.queued_key; delete from etl.lease;
      update etl.view_source set paused = false, paused_until = null, halted_at = null, halted_reason = null,
        resync_requested_at = null, daily_budget_bytes = null, cost_accepted_on = null, enabled = true`);
    for (const mailbox of Object.values(on.mailboxes)) await mailbox.take();
  });

  const hiddenOf = ({ html }: AdminPage): Record<string, string> => {
    const forms = html.split('<form ').filter((form) => form.includes('name="requestId"'));
    const fields = [...(forms[0] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
    return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, unescaped(value)]));
  };
  const isOffered = (page: AdminPage): boolean => 'requestId' in hiddenOf(page);
  /** Opens the page of an action and confirms it. */
  const act = async (path: string, fields: Record<string, string> = {}, view = VIEW): Promise<AdminPage> => {
    const address = `/views/${view}/${path}`;
    const page = await operator.get(address);
    assert.equal(page.status, 200, page.text);
    return await operator.post(address.split('?')[0] ?? '', { ...hiddenOf(page), ...fields });
  };
  const audit = async () =>
    (await on.control.query('select * from etl.audit order by id')).rows as Record<string, unknown>[];
  const status = async (view = VIEW) => (await on.dependencies.control.status.views(view))[0];
  /** What the next page says that was done. */
  const notice = async () => (await operator.get('/audit')).text;
  /** Lets extract take the messages that it was sent. */
  const deliver = async () => {
    const events = await on.mailboxes.extract.take();
    for (const event of events) {
      await dispatch(event, { functionName: 'extract', event, messageId: 'm1' }, on.dependencies);
    }
    return events;
  };

  it('run: says what extract would do, asks it once, and records who and why', async () => {
    await on.source.change('app_project', 1, { name: 'uno' });
    const page = await operator.get(`/views/${VIEW}/run`);
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
    const page = await operator.get(`/views/${VIEW}/pause`);
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
      (await operator.get(`/views/${VIEW}/pause`)).text,
      /It is paused already since .* by operator/,
    );
    for (const path of ['run', 'reconcile', 'repair']) {
      const stopped = await operator.get(`/views/${VIEW}/${path}`);
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
    assert.match((await operator.get(`/views/${VIEW}/resume`)).text, /neither paused nor halted/);
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice) values
         ('extract', '${VIEW}', 'bad_data', 'a', 'b'), ('extract', '${VIEW}', 'invalid_event', 'a', 'b')`,
    );
    await on.dependencies.control.viewStops.halt(VIEW, `wrong figures ${SCRIPT}`);
    const page = await operator.get(`/views/${VIEW}/resume`);
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
    assert.match((await operator.get(`/views/${VIEW}/redrive`)).text, /a batch is requested at once/);

    assert.equal((await act('redrive')).status, 303);

    assert.equal((await status())?.state, 'running');
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: VIEW, trigger: 'redrive' }]);
    assert.partialDeepStrictEqual(await audit(), [{ action: 'redriveView', outcome: 'redriven' }]);
  });

  it('reconcile and repair: say what is read, and ask reconcile for it', async () => {
    const page = await operator.get(`/views/${VIEW}/reconcile`);
    assert.match(page.text, /All columns of all rows are compared/);
    assert.match(page.text, /BigQuery reads \d/);
    assert.match((await operator.get(`/views/${VIEW}/repair`)).text, /If more than 10 % of the rows differ/);

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
      (await operator.get('/audit')).text,
      /Repair pmr_project ● check requested.* Reconcile pmr_project/,
    );
    assert.equal((await operator.get(`/views/${VIEW}/reconcile?mode=half`)).status, 400);
    assert.equal((await operator.get(`/views/${VIEW}/reconcile?mode=since&since=0`)).status, 400);
    const [, other] = [await operator.get('/views/pmr_site/repair'), await status('pmr_site')];
    assert.equal(other?.lastCheck, null);
    assert.match((await operator.get('/views/pmr_site/repair')).text, /The view is not loaded yet\./);
  });

  it('reconcile: says what a check of the rows that changed lately reads, not what one of all rows would', async () => {
    await on.source.database.query(
      `update app_project set updated_at = now() - interval '30 days' where id = 1`,
    );
    const page = await operator.get(`/views/${VIEW}/reconcile?mode=since&since=7`);
    assert.match(page.text, /Rows that changed 1 BigQuery reads \d/);
    assert.match(page.text, /and the target once more, as a whole, if rows differ\./);
    assert.match(
      (await operator.get(`/views/${VIEW}/reconcile`)).text,
      /Rows in the source, about \d.*BigQuery reads \d/,
    );
  });

  it('keys: counts them in the view, and extract, asked by message, queues them in the name of who asked', async () => {
    const empty = await operator.get(`/views/${VIEW}/keys`);
    assert.ok(!isOffered(empty), 'the keys are missing');
    const preview = await operator.post(`/views/${VIEW}/keys`, { step: 'preview', keys: '1, 2\r\n99\n1' });
    assert.match(preview.text, /Keys 3 In the view 2 Not in the view 1/);

    const answer = await operator.post(`/views/${VIEW}/keys`, { ...hiddenOf(preview), why: 'they look old' });

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
    const preview = await operator.get(`/views/${VIEW}/keys?keys=${encodeURIComponent(`1\n') or true --`)}`);
    assert.equal(preview.status, 200);
    assert.match(preview.text, /This cannot be done now\. These are no keys of the view: "'\) or true --"/);
    assert.ok(!isOffered(preview));
  });

  it('recheck: counts the rows that the log has named, and extract queues them', async () => {
    const page = await operator.get(`/views/${VIEW}/recheck?since=2020-01-01T00:00`);
    assert.match(page.text, /Rows 2/);
    assert.ok(!isOffered(await operator.get(`/views/${VIEW}/recheck?since=2126-01-01`)));

    assert.equal((await act('recheck?since=2020-01-01T00:00')).status, 303);
    await deliver();

    assert.partialDeepStrictEqual(await audit(), [
      { action: 'recheck', outcome: 'keys queued', result: { keysQueued: 2 }, requested_by: OPERATOR },
    ]);
  });

  it('accept the cost: says what was billed, and is not offered without a budget', async () => {
    assert.match((await operator.get(`/views/${VIEW}/accept-cost`)).text, /The view has no budget\./);
    await on.control.query(`update etl.view_source set daily_budget_bytes = 1 where name = $1`, [VIEW]);
    assert.equal((await status())?.state, 'over budget');
    const page = await operator.get(`/views/${VIEW}/accept-cost`);
    assert.match(page.text, /Budget of a day 1 B Billed today \(UTC\) [1-9]/);
    assert.match((await operator.get(`/views/${VIEW}/run`)).text, /do nothing: over budget/);

    assert.equal((await act('accept-cost', { why: 'quarter end' })).status, 303);

    assert.equal((await status())?.state, 'running');
    assert.partialDeepStrictEqual(await audit(), [{ action: 'acceptCost', outcome: 'cost accepted' }]);
  });

  it('purge: refuses a time that is still to come', async () => {
    const page = await operator.get(`/views/${VIEW}/purge?before=2126-01-01T00:00`);
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
    assert.match((await operator.get(`/views/${VIEW}/${path}`)).text, /in the future/);
    await on.query(
      `update ${on.targetTable()} set update_at = timestamp '2025-06-01 00:00:00+00' where project_id = 3`,
    );
    const address = 'purge?before=2026-01-01T00:00';
    const page = await operator.get(`/views/${VIEW}/${address}`);
    assert.match(page.text, /Rows 1 Confirm Why Type pmr_project to confirm/);

    const wrong = await act(address, { why: 'gdpr', confirm: 'project' });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /Nothing was done\. Type pmr_project to confirm\./);
    assert.match((await act(address, { confirm: VIEW })).text, /Nothing was done\. Say why\./);
    assert.deepEqual(await on.mailboxes.extract.take(), []);

    const answer = await act(address, { why: 'gdpr', confirm: VIEW });
    const [{ id } = { id: 0 }] = await audit();
    assert.equal(answer.headers.get('location'), `/audit/${id}`);
    assert.match((await operator.get(`/audit/${id}`)).text, /not ended/);
    await deliver();

    assert.deepEqual(
      (await on.target()).map(({ project_id }) => project_id),
      ['1', '2'],
    );
    assert.match((await operator.get(`/audit/${id}`)).text, /● purged.*"rows": "1"/);
  });

  it('resync: needs the typed name and the reason; deletes may be accepted, and the request withdrawn', async () => {
    const page = await operator.get(`/views/${VIEW}/resync`);
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
      (await operator.get(`/views/pmr_site/load-type?target=project`)).text,
      /Choose another target: project is the target of view pmr_project\./,
    );
    assert.equal((await operator.get(`/views/pmr_site/load-type?target=a-b`)).status, 400);
    const page = await operator.get(`/views/pmr_site/load-type?target=site_2`);
    assert.match(page.text, /into the new target site_2, and fed by bq-storage-api/);
    assert.equal((await act('load-type?target=site_2', { why: 'x', confirm: VIEW }, 'pmr_site')).status, 400);

    await act('load-type?target=site_2', { why: 'fast', confirm: 'pmr_site' }, 'pmr_site');

    assert.partialDeepStrictEqual(await status('pmr_site'), { loadType: 'bq-storage-api' });
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'loadType', request: { loadType: 'bq-storage-api', target: 'site_2' }, reason: 'fast' },
    ]);
  });

  it('does nothing twice: a form that is sent again leads to what it did', async () => {
    const page = await operator.get(`/views/${VIEW}/run`);
    const form = { ...hiddenOf(page), why: 'once' };
    for (const answer of [
      await operator.post(`/views/${VIEW}/run`, form),
      await operator.post(`/views/${VIEW}/run`, form),
    ]) {
      assert.equal(answer.status, 303);
    }
    const both = await Promise.all([
      operator.post(`/views/${VIEW}/run`, form),
      operator.post(`/views/${VIEW}/run`, form),
    ]);
    assert.deepEqual(
      both.map((answer) => answer.status),
      [303, 303],
    );
    assert.equal((await on.mailboxes.extract.take()).length, 1);
    assert.equal((await audit()).length, 1);
  });

  it('says that a form was sent before, not that its action is done again, when others have undone it since', async () => {
    const form = hiddenOf(await operator.get(`/views/${VIEW}/pause`));
    await operator.post(`/views/${VIEW}/pause`, form);
    assert.match(await notice(), /pmr_project is paused until somebody resumes it\./);
    await act('resume');

    const again = await operator.post(`/views/${VIEW}/pause`, form);

    assert.match(again.headers.get('location') ?? '', /^\/audit\/\d+$/);
    assert.match(await notice(), /This was asked for already, and is not done twice\./);
    assert.equal((await status())?.paused, null);
  });

  it('leads to the first one while that runs still, or has died', async () => {
    const page = await operator.get(`/views/${VIEW}/pause`);
    const form = hiddenOf(page);
    await on.control.query(
      `insert into etl.audit (request_id, via, action, request) values ($1, 'page', 'pause', '{}')`,
      [form.requestId],
    );
    const answer = await operator.post(`/views/${VIEW}/pause`, form);
    assert.equal(answer.status, 303);
    assert.match(answer.headers.get('location') ?? '', /^\/audit\/\d+$/);
    assert.match(await notice(), /This was asked for already, and is not done twice\./);
    assert.equal((await status())?.paused, null);
  });

  it('refuse what their preview refuses, whoever sends the form without looking at it', async () => {
    const form = hiddenOf(await operator.get(`/views/${VIEW}/pause`));
    const many = Array.from({ length: 10_001 }, (_, i) => i).join('\n');
    await on.dependencies.control.viewStops.pause(VIEW, { by: null, why: null, until: null });
    for (const [path, fields, why] of [
      ['keys', { keys: many }, /These are 10,001 keys; a page takes 10,000\./],
      ['keys', { keys: 'no number' }, /This cannot be done now\./],
      ['run', {}, /The view is paused\./],
      ['reconcile', {}, /The view is paused\./],
    ] as const) {
      const answer = await operator.post(`/views/${VIEW}/${path}`, {
        ...form,
        requestId: randomUUID(),
        ...fields,
      });
      assert.equal(answer.status, 409, path);
      assert.match(answer.text, why);
      assert.ok(!isOffered(answer), path);
    }
    assert.deepEqual(await audit(), []);
    for (const mailbox of Object.values(on.mailboxes)) assert.deepEqual(await mailbox.take(), []);
  });

  it('says what did not answer: a message that cannot be sent is not done, and the form may be sent again', async () => {
    await operator.get(`/views/${VIEW}/keys`);
    const preview = await operator.post(`/views/${VIEW}/keys`, { step: 'preview', keys: '1' });
    stack.pubsub.faults.next(
      'pubsub.Publish',
      ...Array.from({ length: 3 }, () => failBefore('PERMISSION_DENIED')),
    );
    const answer = await operator.post(`/views/${VIEW}/keys`, hiddenOf(preview));
    assert.equal(answer.status, 503);
    assert.match(answer.text, /It was not done\./);
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'keys', outcome: null, error_kind: 'unauthorized' },
    ]);
    stack.clearFaults();

    assert.equal((await operator.post(`/views/${VIEW}/keys`, hiddenOf(preview))).status, 303);
    await deliver();
    assert.partialDeepStrictEqual(await audit(), [{ action: 'keys', outcome: 'keys queued', error: null }]);
  });

  it('refuses a missing and a forged token, and a form of another session', async () => {
    const page = await operator.get(`/views/${VIEW}/pause`);
    for (const csrf of [null, 'forged', `${hiddenOf(page).csrf}x`]) {
      const { csrf: _, ...form } = hiddenOf(page);
      const answer = await operator.post(`/views/${VIEW}/pause`, form, { csrf });
      assert.equal(answer.status, 403);
    }
    const other = new AdminClient(() => on.dependencies);
    assert.equal((await other.post(`/views/${VIEW}/pause`, hiddenOf(page))).status, 403);
    assert.equal((await status())?.paused, null);
    assert.deepEqual(await audit(), []);
  });

  it('are closed to viewers, who see no buttons', async () => {
    await on.dependencies.control.viewStops.halt(VIEW, 'wrong figures', OPERATOR);
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    for (const path of PATHS) {
      assert.equal((await viewer.get(`/views/${VIEW}/${path}`)).status, 403, path);
      assert.equal((await viewer.post(`/views/${VIEW}/${path}`, {})).status, 403, path);
    }
    const overview = await viewer.get('/');
    assert.match(overview.text, /is halted: wrong figures/);
    assert.doesNotMatch(overview.html, /class="button"/);
    assert.match((await operator.get('/')).html, new RegExp(`class="button" href="/views/${VIEW}/redrive"`));
    assert.deepEqual(await audit(), []);
  });

  it('answer 404 for a view and an action that do not exist, and 405 or 404 for no action', async () => {
    for (const path of PATHS) {
      assert.equal((await operator.get(`/views/pmr_nothing/${path}`)).status, 404, path);
    }
    await operator.get(`/views/${VIEW}/pause`);
    assert.equal((await operator.post('/views/pmr_nothing/pause', {})).status, 404);
    assert.equal((await operator.get(`/views/${VIEW}/explode`)).status, 404);
    assert.equal((await operator.get(`/views/${encodeURIComponent(SCRIPT)}/pause`)).status, 404);
    assert.equal((await operator.get(`/views/${encodeURIComponent('a\0b')}/pause`)).status, 404);
    const incomplete = await operator.post(`/views/${VIEW}/pause`, { requestId: `${SCRIPT}` });
    assert.equal(incomplete.status, 400);
    assert.match(incomplete.text, /This form is not complete/);
  });

  it('show scripts and SQL of every field as text, and never run them', async () => {
    const evil = `${SCRIPT}'; drop table etl.audit; --`;
    await act('pause', { why: evil, until: evil });
    await act('pause', { why: evil });
    await act('resync', { why: evil, confirm: evil });
    for (const path of [
      `recheck?since=${encodeURIComponent(evil)}`,
      `purge?before=${encodeURIComponent(evil)}`,
      `load-type?target=${encodeURIComponent(evil)}`,
      `reconcile?mode=${encodeURIComponent(evil)}&since=${encodeURIComponent(evil)}`,
      `keys?keys=${encodeURIComponent(evil)}`,
    ]) {
      const page = await operator.get(`/views/${VIEW}/${path}`);
      assert.ok(page.status === 400 || page.status === 200, `${path}: ${page.status}`);
      assert.doesNotMatch(page.html, /<script>alert/, path);
    }
    for (const path of PATHS) {
      const page = await operator.get(`/views/${VIEW}/${path}`);
      assert.doesNotMatch(page.html, /<script>alert/, path);
    }
    for (const page of [await operator.get('/audit'), await operator.get('/')]) {
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.html, /<script>alert/);
    }
    assert.match((await operator.get('/audit')).text, /alert\(1\).*drop table etl\.audit/);
  });
});

describe('the actions of the admin page, when the source is down,', () => {
  const { on } = useInstallation({ per: 'file' });
  let operator: AdminClient;

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.catchUp();
    const { port } = new URL(String(on.parts.env.SOURCE_DATABASE_URL));
    const url = String(on.parts.env.SOURCE_DATABASE_URL).replace(`:${port}`, ':1');
    const down = await on.anotherProcess({ SOURCE_DATABASE_URL: url });
    operator = new AdminClient(() => down.dependencies);
  });

  for (const path of ['run', 'reconcile', 'repair', 'resync', 'load-type?target=project_2']) {
    it(`${path} says so, and can be asked for nevertheless`, async () => {
      const page = await operator.get(`/views/${VIEW}/${path}`);
      assert.equal(page.status, 200);
      assert.match(page.text, /The preview could not be made\..*You can do it nevertheless/);
      assert.match(page.html, /name="requestId"/);
    });
  }
  for (const path of ['keys?keys=1', 'recheck?since=2020-01-01']) {
    it(`${path} says so, and cannot be asked for`, async () => {
      const page = await operator.get(`/views/${VIEW}/${path}`);
      assert.match(page.text, /The preview could not be made\..*This action needs what does not answer/);
      assert.doesNotMatch(page.html, /name="requestId"/);
      const sent = {
        ...Object.fromEntries(new URLSearchParams(path.split('?')[1])),
        requestId: randomUUID(),
      };
      const answer = await operator.post(`/views/${VIEW}/${path.split('?')[0]}`, sent);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /This action needs what does not answer/);
      assert.deepEqual((await on.control.query('select from etl.audit')).rows, []);
    });
  }
  for (const path of ['pause', 'redrive', 'forget', 'accept-cost', '../../audit']) {
    it(`${path} does not need it`, async () => {
      const page = await operator.get(new URL(`http://x/views/${VIEW}/${path}`).pathname);
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.text, /could not be made/);
    });
  }

  it('forget: removes the view with its history after the typed name, and the audit keeps who did it', async () => {
    const page = await operator.get(`/views/${VIEW}/forget`);
    assert.match(page.text, /Batches 1 Failures 0 Queued keys 0 Checks 0/);
    const fields = [...page.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
    const form = Object.fromEntries(fields.map(([, name = '', value = '']) => [name, unescaped(value)]));
    const wrong = await operator.post(`/views/${VIEW}/forget`, { ...form, why: 'x', confirm: 'PMR_PROJECT' });
    assert.equal(wrong.status, 400);

    const typed = { ...form, why: 'sold', confirm: VIEW };
    const answer = await operator.post(`/views/${VIEW}/forget`, typed);

    assert.equal(answer.headers.get('location'), '/');
    assert.equal((await on.dependencies.control.viewSources.list()).length, 1);
    const again = await operator.post(`/views/${VIEW}/forget`, typed);
    assert.match(again.headers.get('location') ?? '', /^\/audit\/\d+$/);
    const { rows } = await on.control.query(
      'select action, views, reason, outcome, requested_by from etl.audit',
    );
    assert.deepEqual(rows, [
      { action: 'forget', views: [VIEW], reason: 'sold', outcome: 'forgotten', requested_by: OPERATOR },
    ]);
    assert.match(
      (await operator.get(`/audit?view=${VIEW}`)).text,
      /Forget pmr_project ● forgotten operator@example\.com/,
    );
  });
});
