import assert from 'node:assert/strict';
import { AdminClient, type AdminPage, formOf, linkOf } from '../../support/admin.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { askWith } from './ask-with.ts';

const SCRIPT = '"><script>alert(1)</script>';
const SQL = `'; drop table etl.etl_error; --`;
const REQUEST = '6f1c2b0e-3a53-4d0c-9d0e-1f6a3f0a7c11';
const EXTRACT_EVENT = { view: 'pmr_project', trigger: 'test' };

type Given = {
  functionName?: string;
  view?: string | null;
  kind?: string;
  code?: string | null;
  message?: string;
  event?: unknown;
  halts?: boolean;
  resolved?: boolean;
};

describe('the page of failures', () => {
  const { on } = useInstallation();
  const operator = new AdminClient(() => on.dependencies);
  const viewer = new AdminClient(() => on.dependencies, 'viewer');

  /** Records a failure as the functions do, and returns its id. */
  const fail = async ({
    functionName = 'extract',
    view = 'pmr_project',
    kind = 'bad_data',
    code = null,
    message = 'view pmr_project: key 1 has no name',
    event = EXTRACT_EVENT,
    halts = false,
    resolved = false,
  }: Given = {}): Promise<string> => {
    const { rows } = await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, code, message, advice, event, halts_view, resolved_at)
       values ($1, $2, $3, $4, $5, 'Correct the row.', $6, $7, case when $8 then now() end) returning id::text`,
      [
        functionName,
        view,
        kind,
        code,
        message,
        event === null ? null : JSON.stringify(event),
        halts,
        resolved,
      ],
    );
    return rows[0].id;
  };
  const failTimes = async (n: number, given: Given = {}) => {
    for (let i = 0; i < n; i += 1)
      await fail({ message: `view pmr_project: key ${i} has no name`, ...given });
  };
  const openIds = async (): Promise<string[]> =>
    (
      await on.control.query('select id::text as n from etl.etl_error where resolved_at is null order by id')
    ).rows.map(({ n }) => n);
  const groupsOn = ({ html }: AdminPage) => [...html.matchAll(/<li id="group-(\w+)">/g)].map(([, id]) => id);

  it('says when there is nothing to do', async () => {
    const page = await operator.get('/failures');

    assert.equal(page.status, 200);
    assert.match(page.text, /No failure is open: nothing to do\./);
  });

  it('groups failures whose messages differ only in views, numbers and quoted texts', async () => {
    await fail({ message: 'view pmr_project: key 17 has "31/01"' });
    await fail({ message: `view pmr_site: key 4.5 has "it is \\"so\\""`, view: 'pmr_site' });
    await fail({ message: `view pmr_project: key 8f14e45f-ceea-467f-a8f1-2b0c3d4e5f60 has 'x'` });

    const page = await operator.get('/failures');

    assert.equal(groupsOn(page).length, 1);
    assert.match(page.text, /view \*: key \* has \* ▲ open 3 failures bad_data in extract/);
    assert.match(
      page.text,
      /pmr_project , pmr_site The latest: view pmr_project: key 8f14e45f-\S+ has 'x' Correct the row\./,
    );
  });

  it('keeps failures apart whose kind, code, function or words differ', async () => {
    await fail();
    await fail({ kind: 'warehouse' });
    await fail({ code: '22003' });
    await fail({ functionName: 'merge' });
    await fail({ message: 'view pmr_project: key 1 has two names' });
    await fail({ resolved: true });

    assert.equal(groupsOn(await operator.get('/failures')).length, 5);
    assert.equal(groupsOn(await operator.get('/failures?kind=warehouse')).length, 1);
    assert.equal(groupsOn(await operator.get('/failures?view=pmr_site')).length, 0);
    assert.match((await operator.get('/failures?status=resolved')).text, /○ resolved 1 failure /);
  });

  it('shows first those that halt a view, and where to redrive it', async () => {
    await fail({ halts: true, message: 'view pmr_project: its key is gone' });
    await fail({ message: 'later' });
    await on.control.query(
      `update etl.view_source set halted_at = now(), halted_reason = 'its key is gone' where name = 'pmr_project'`,
    );

    const page = await operator.get('/failures');

    assert.match(page.text, /its key is gone ■ halts a view .* later ▲ open/);
    assert.equal(linkOf(page, 'Redrive the halted view pmr_project'), '/views/pmr_project/redrive');
  });

  it('shows each failure of a group with its event, page by page', async () => {
    await failTimes(60);
    await fail({ message: 'another' });
    const group = linkOf(await operator.get('/failures'), 'view *: key * has no name');

    const first = await operator.get(group);
    const second = await operator.get(linkOf(first, 'Older'));

    const idsOf = ({ html }: AdminPage) =>
      [...html.matchAll(/<li id="failure-(\d+)">/g)].map(([, id]) => Number(id));
    assert.deepEqual(
      [...idsOf(first), ...idsOf(second)],
      Array.from({ length: 60 }, (_, i) => 60 - i),
    );
    assert.match(first.text, /view pmr_project: key 59 has no name Correct the row\. The event that failed/);
    assert.match(first.text, /60 failures/);
  });

  it('shows what a stranger sent as text, and to operators only', async () => {
    const id = await fail({
      view: null,
      kind: 'invalid_event',
      message: `the event is not valid: ${SCRIPT}`,
      event: { note: SCRIPT, deep: { keys: ['a key'] } },
    });

    const page = await operator.get(`/failures/${id}`);
    const seen = await viewer.get(`/failures/${id}`);

    assert.ok(page.text.includes(`"note": "\\">`), page.text);
    assert.match(page.text, /"a key"/);
    assert.match(seen.text, /Only operators see its event/);
    assert.doesNotMatch(seen.text, /a key/);
    for (const each of [page, seen, await operator.get('/failures')]) {
      assert.ok(!each.html.includes('<script>alert'));
      assert.equal(each.text.includes(`the event is not valid: `), each !== seen);
    }
  });

  it('redrives a whole group: sends the events again, and resolves them', async () => {
    await failTimes(3);
    await fail({ message: 'another' });
    const page = await operator.get('/failures');
    const forms = [0, 1].map((nth) => formOf(page, '/failures/redrive', nth));
    const form = forms.find(({ shown }) => shown === '3') ?? {};

    const answer = await operator.post('/failures/redrive', { ...form, note: 'the row is mended' });

    assert.equal(answer.status, 303);
    assert.deepEqual(await on.mailboxes.extract.take(), [EXTRACT_EVENT, EXTRACT_EVENT, EXTRACT_EVENT]);
    assert.deepEqual(await openIds(), ['4']);
    const after = await operator.get(answer.headers.get('location') ?? '');
    assert.match(after.text, /3 failures were redriven\. Entry in the audit/);
    assert.match(
      (await operator.get(linkOf(after, 'Entry in the audit'))).text,
      /Redrive events .* the row is mended/,
    );
  });

  it('sends no event twice for a form that is sent twice at once', async () => {
    await failTimes(20);
    const form = formOf(await operator.get('/failures'), '/failures/redrive');

    const answers = await Promise.all([1, 2].map(() => operator.post('/failures/redrive', form)));

    assert.ok(answers.some(({ status }) => status === 303));
    assert.ok(answers.every(({ status }) => status === 303 || status === 409));
    assert.equal((await on.mailboxes.extract.take()).length, 20);
    assert.equal((await on.control.query('select from etl.audit')).rowCount, 1);
    assert.deepEqual(await openIds(), []);
  });

  it('resolves a whole group without sending anything', async () => {
    await failTimes(3);
    const form = formOf(await operator.get('/failures'), '/failures/resolve');

    const answer = await operator.post('/failures/resolve', { ...form, note: '' });

    assert.equal(answer.headers.get('location'), '/failures');
    assert.deepEqual(await openIds(), []);
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('says what was done once, and never what an address claims', async () => {
    await fail();
    await operator.post('/failures/resolve', formOf(await operator.get('/failures'), '/failures/resolve'));

    assert.match((await operator.get('/failures')).text, /1 failure was resolved\./);
    assert.doesNotMatch((await operator.get('/failures')).text, /was resolved/);
    const forged = await operator.get('/failures?done=resolved&count=5');
    assert.equal(forged.status, 400);
    assert.doesNotMatch(forged.text, /5 failures/);
  });

  it('counts one group for its page, not all of them', async () => {
    for (const message of ['one', 'two', 'two', 'three']) await fail({ message });
    const { failureGroups } = on.dependencies.control;
    const groups = await failureGroups.groups({ isOpen: true }, 10);
    const two = groups.find(({ reason }) => reason === 'two');
    assert.ok(two);

    assert.deepEqual(await failureGroups.groups({ isOpen: true, group: two.group }, 10), [two]);

    const page = await operator.get(`/failures?group=${two.group}`);
    assert.deepEqual(groupsOn(page), [two.group]);
    assert.match(page.text, /2 failures/);
  });

  it('need attention in the overview, too, if they belong to no view', async () => {
    assert.doesNotMatch((await operator.get('/')).text, /no view/);
    await fail({ view: null, kind: 'invalid_event', message: 'the event is not valid' });
    await fail({ view: 'pmr_forgotten', kind: 'configuration' });
    await fail({ view: null, kind: 'bug', resolved: true });

    const page = await operator.get('/');

    assert.match(
      page.text,
      /Needs attention ▲ no view 2 failures belong to no view: configuration, invalid_event/,
    );
    assert.doesNotMatch(page.text, /all is well/);
    assert.equal(linkOf(page, 'See the failures of no view'), '/failures');
    assert.match((await viewer.get('/')).text, /2 failures belong to no view/);
  });

  it('redrives or resolves one failure', async () => {
    const [first, second, third] = [await fail(), await fail(), await fail()];
    for (const [action, id] of [
      ['redrive', first],
      ['resolve', second],
    ] as const) {
      const form = formOf(await operator.get(`/failures/${id}`), `/failures/${action}`);
      assert.equal((await operator.post(`/failures/${action}`, { ...form, note: 'one' })).status, 303);
    }

    assert.deepEqual(await openIds(), [third]);
    assert.deepEqual(await on.mailboxes.extract.take(), [EXTRACT_EVENT]);
    assert.doesNotMatch((await operator.get(`/failures/${first}`)).html, /<form method="post"/);
  });

  it('acts on the failures that were shown, not on those that came since, and counts those that went', async () => {
    await failTimes(4);
    const page = await operator.get('/failures');
    const form = formOf(page, '/failures/resolve');
    await on.control.query('update etl.etl_error set resolved_at = now() where id = 2');
    await failTimes(2);

    const answer = await operator.post('/failures/resolve', form);

    assert.deepEqual(await openIds(), ['5', '6']);
    const after = await operator.get(answer.headers.get('location') ?? '');
    assert.match(after.text, /3 failures were resolved\. 1 had been resolved before\./);
    assert.match(after.text, /2 failures/);
  });

  it('sends nothing when all that was shown is resolved already', async () => {
    const id = await fail();
    const [group, one] = [
      formOf(await operator.get('/failures'), '/failures/redrive'),
      formOf(await operator.get(`/failures/${id}`), '/failures/redrive'),
    ];
    await on.control.query('update etl.etl_error set resolved_at = now()');

    for (const form of [group, one]) {
      const answer = await operator.post('/failures/redrive', form);
      assert.equal(answer.headers.get('location'), '/failures');
      const { text } = await operator.get('/failures');
      assert.match(text, /0 failures were redriven\. 1 had been resolved before\./);
      assert.doesNotMatch(text, /Entry in the audit/);
    }
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('redrives only failures that have an event, and says that the others stay open', async () => {
    await failTimes(2);
    await failTimes(1, { event: null });
    await failTimes(1, { event: 'no object' });
    const form = formOf(await operator.get('/failures'), '/failures/redrive');

    const answer = await operator.post('/failures/redrive', form);

    assert.deepEqual(await openIds(), ['3', '4']);
    const after = await operator.get(answer.headers.get('location') ?? '');
    assert.match(after.text, /2 failures were redriven\. 2 more of the same reason stay open/);
    assert.throws(() => formOf(after, '/failures/redrive'), 'nothing can be redriven');
  });

  it('takes at most a thousand at a time', async () => {
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice)
       select 'extract', 'pmr_project', 'bug', 'key ' || n, '' from generate_series(1, 1200) n`,
    );
    const page = await operator.get('/failures');
    assert.match(page.text, /Resolve 1,000 failures…/);

    const answer = await operator.post('/failures/resolve', formOf(page, '/failures/resolve'));

    assert.equal((await openIds()).length, 200);
    const after = await operator.get(answer.headers.get('location') ?? '');
    assert.match(after.text, /1,000 failures were resolved\. 200 more of the same reason stay open/);
  });

  it('acts on the failures of one view, if the page shows only these', async () => {
    await fail();
    await fail({ view: 'pmr_site', message: 'view pmr_site: key 1 has no name' });

    await operator.post(
      '/failures/resolve',
      formOf(await operator.get('/failures?view=pmr_site'), '/failures/resolve'),
    );

    assert.deepEqual(await openIds(), ['1']);
  });

  it('lets nobody act but operators, and only by a form of its own', async () => {
    await fail();
    const form = formOf(await operator.get('/failures'), '/failures/resolve');
    const seen = await viewer.get('/failures');

    assert.match(seen.text, /1 failure /);
    assert.doesNotMatch(seen.html, /<form method="post"/);
    assert.equal((await viewer.post('/failures/resolve', form)).status, 403);
    const { csrf: _, ...rest } = form;
    assert.equal((await operator.post('/failures/resolve', rest, { csrf: null })).status, 403);
    assert.equal((await operator.post('/failures/resolve', { ...rest, csrf: 'forged' })).status, 403);
    assert.equal((await operator.get('/failures/resolve')).status, 404);
    assert.deepEqual(await openIds(), ['1']);
  });

  it('refuses what is no form of its own, and runs no text of it', async () => {
    const id = await fail();
    await operator.get('/failures');
    for (const fields of [
      {},
      { failure: SQL },
      { failure: '0x1' },
      { failure: id, group: 'x' },
      { group: SQL, upTo: '1', shown: '1' },
      { group: 'a'.repeat(32), upTo: '-1', shown: '1' },
      { group: 'a'.repeat(32), upTo: '1', shown: SCRIPT },
      { failure: id, note: 'x'.repeat(501) },
      { failure: id, note: 'a\0b' },
      { failure: id, requestId: SQL },
    ]) {
      for (const action of ['redrive', 'resolve']) {
        const answer = await operator.post(`/failures/${action}`, {
          requestId: REQUEST,
          ...(fields as Record<string, string>),
        });
        assert.equal(answer.status, 400, JSON.stringify(fields));
        assert.ok(!answer.html.includes('<script>alert'));
      }
    }
    const missing = await operator.post('/failures/resolve', { requestId: REQUEST, failure: '999' });
    assert.equal(missing.status, 400);
    assert.match(missing.text, /no failure has the id 999/);
    assert.match(missing.text, /Whether it was done stands in the audit/);
    assert.doesNotMatch(missing.html, /<a href="">/, 'a link to the address of the form');
    assert.deepEqual(await openIds(), [id]);

    const noted = await operator.post('/failures/resolve', {
      requestId: REQUEST,
      failure: id,
      note: SCRIPT,
    });
    assert.equal(noted.status, 303);
  });

  it('takes no parameter for markup or SQL', async () => {
    await fail();
    const names = ['status', 'view', 'kind', 'group', 'below', 'done', 'x'];
    const texts = [SCRIPT, SQL, '-1', '1e99', '%00', '\0'];
    for await (const { address, status, html } of askWith(operator, '/failures', { names, texts })) {
      assert.ok([200, 400].includes(status), `${address}: ${status}`);
      assert.ok(!html.includes('<script>alert'), address);
    }
    for (const id of ['99', SCRIPT, SQL]) {
      const page = await operator.get(`/failures/${encodeURIComponent(id)}`);
      assert.equal(page.status, 404);
      assert.ok(!page.html.includes('<script>alert'));
    }
    assert.deepEqual(await openIds(), ['1']);
  });
});
