import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { failBefore } from '../../emulators/faults.ts';
import { AdminClient } from '../../support/admin.ts';
import { hiddenOf, isOffered, OPERATOR, PATHS, SCRIPT, useActions, VIEW } from './use-actions.ts';

describe('the forms of the actions', () => {
  const actions = useActions();
  const { act, audit, deliver, notice, on, stack, status } = actions;

  it('does nothing twice: a form that is sent again leads to what it did', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/run`);
    const form = { ...hiddenOf(page), why: 'once' };
    for (const answer of [
      await actions.operator.post(`/views/${VIEW}/run`, form),
      await actions.operator.post(`/views/${VIEW}/run`, form),
    ]) {
      assert.equal(answer.status, 303);
    }
    const both = await Promise.all([
      actions.operator.post(`/views/${VIEW}/run`, form),
      actions.operator.post(`/views/${VIEW}/run`, form),
    ]);
    assert.deepEqual(
      both.map((answer) => answer.status),
      [303, 303],
    );
    assert.equal((await on.mailboxes.extract.take()).length, 1);
    assert.equal((await audit()).length, 1);
  });

  it('says that a form was sent before, not that its action is done again, when others have undone it since', async () => {
    const form = hiddenOf(await actions.operator.get(`/views/${VIEW}/pause`));
    await actions.operator.post(`/views/${VIEW}/pause`, form);
    assert.match(await notice(), /pmr_project is paused until somebody resumes it\./);
    await act('resume');

    const again = await actions.operator.post(`/views/${VIEW}/pause`, form);

    assert.match(again.headers.get('location') ?? '', /^\/audit\/\d+$/);
    assert.match(await notice(), /This was asked for already, and is not done twice\./);
    assert.equal((await status())?.paused, null);
  });

  it('leads to the first one while that runs still, or has died', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/pause`);
    const form = hiddenOf(page);
    await on.control.query(
      `insert into etl.audit (request_id, via, action, request) values ($1, 'page', 'pause', '{}')`,
      [form.requestId],
    );
    const answer = await actions.operator.post(`/views/${VIEW}/pause`, form);
    assert.equal(answer.status, 303);
    assert.match(answer.headers.get('location') ?? '', /^\/audit\/\d+$/);
    assert.match(await notice(), /This was asked for already, and is not done twice\./);
    assert.equal((await status())?.paused, null);
  });

  it('refuse what their preview refuses, whoever sends the form without looking at it', async () => {
    const form = hiddenOf(await actions.operator.get(`/views/${VIEW}/pause`));
    const many = Array.from({ length: 10_001 }, (_, i) => i).join('\n');
    await on.dependencies.control.viewStops.pause(VIEW, { by: null, why: null, until: null });
    for (const [path, fields, why] of [
      ['keys', { keys: many }, /These are 10,001 keys; a page takes 10,000\./],
      ['keys', { keys: 'no number' }, /This cannot be done now\./],
      ['run', {}, /The view is paused\./],
      ['reconcile', {}, /The view is paused\./],
    ] as const) {
      const answer = await actions.operator.post(`/views/${VIEW}/${path}`, {
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
    await actions.operator.get(`/views/${VIEW}/keys`);
    const preview = await actions.operator.post(`/views/${VIEW}/keys`, { step: 'preview', keys: '1' });
    stack.pubsub.faults.next(
      'pubsub.Publish',
      ...Array.from({ length: 3 }, () => failBefore('PERMISSION_DENIED')),
    );
    const answer = await actions.operator.post(`/views/${VIEW}/keys`, hiddenOf(preview));
    assert.equal(answer.status, 503);
    assert.match(answer.text, /It was not done\./);
    assert.partialDeepStrictEqual(await audit(), [
      { action: 'keys', outcome: null, error_kind: 'unauthorized' },
    ]);
    stack.clearFaults();

    assert.equal((await actions.operator.post(`/views/${VIEW}/keys`, hiddenOf(preview))).status, 303);
    await deliver();
    assert.partialDeepStrictEqual(await audit(), [{ action: 'keys', outcome: 'keys queued', error: null }]);
  });

  it('refuses a missing and a forged token, and a form of another session', async () => {
    const page = await actions.operator.get(`/views/${VIEW}/pause`);
    for (const csrf of [null, 'forged', `${hiddenOf(page).csrf}x`]) {
      const { csrf: _, ...form } = hiddenOf(page);
      const answer = await actions.operator.post(`/views/${VIEW}/pause`, form, { csrf });
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
    assert.match(
      (await actions.operator.get('/')).html,
      new RegExp(`class="button" href="/views/${VIEW}/redrive"`),
    );
    assert.deepEqual(await audit(), []);
  });

  it('answer 404 for a view and an action that do not exist, and 405 or 404 for no action', async () => {
    for (const path of PATHS) {
      assert.equal((await actions.operator.get(`/views/pmr_nothing/${path}`)).status, 404, path);
    }
    await actions.operator.get(`/views/${VIEW}/pause`);
    assert.equal((await actions.operator.post('/views/pmr_nothing/pause', {})).status, 404);
    assert.equal((await actions.operator.get(`/views/${VIEW}/explode`)).status, 404);
    assert.equal((await actions.operator.get(`/views/${encodeURIComponent(SCRIPT)}/pause`)).status, 404);
    assert.equal((await actions.operator.get(`/views/${encodeURIComponent('a\0b')}/pause`)).status, 404);
    const incomplete = await actions.operator.post(`/views/${VIEW}/pause`, { requestId: `${SCRIPT}` });
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
      const page = await actions.operator.get(`/views/${VIEW}/${path}`);
      assert.ok(page.status === 400 || page.status === 200, `${path}: ${page.status}`);
      assert.doesNotMatch(page.html, /<script>alert/, path);
    }
    for (const path of PATHS) {
      const page = await actions.operator.get(`/views/${VIEW}/${path}`);
      assert.doesNotMatch(page.html, /<script>alert/, path);
    }
    for (const page of [await actions.operator.get('/audit'), await actions.operator.get('/')]) {
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.html, /<script>alert/);
    }
    assert.match((await actions.operator.get('/audit')).text, /alert\(1\).*drop table etl\.audit/);
  });
});
