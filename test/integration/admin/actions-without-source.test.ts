import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { AdminClient } from '../../support/admin.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { hiddenOf, OPERATOR, VIEW } from './use-actions.ts';

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
    const form = hiddenOf(page);
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
