import assert from 'node:assert/strict';
import { AdminClient, linkOf } from '../../support/admin.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';
const SCRIPT = `"><script>alert(1)</script>' or 1=1 --`;

describe('the page of the audit', () => {
  const { on } = useInstallation({ per: 'file' });
  let operator: AdminClient;

  beforeEach(async () => {
    operator = new AdminClient(() => on.dependencies);
    await on.control.query('truncate etl.audit restart identity');
  });

  /** Adds entries, the oldest first. */
  const add = async (
    ...entries: Partial<Record<'action' | 'view' | 'by' | 'claimedBy' | 'why' | 'at', string>>[]
  ) => {
    for (const {
      action = 'pause',
      view = VIEW,
      by = 'eva@example.com',
      claimedBy = null,
      why = null,
      at,
    } of entries) {
      await on.control.query(
        `insert into etl.audit (request_id, via, requested_by, action, views, reason, request, requested_at, outcome, result, ended_at, claimed_by)
         values (gen_random_uuid(), 'page', $1, $2, array[$3], $4, '{"until": "2126-01-01T00:00:00Z"}', coalesce($5, now()), 'paused',
           '{"outcome": "paused"}', now(), $6)`,
        [by, action, view, why, at ?? null, claimedBy],
      );
    }
  };

  it('says what to expect while it is empty', async () => {
    const page = await operator.get('/audit');
    assert.equal(page.status, 200);
    assert.match(page.text, /Nobody has asked for anything yet\./);
    assert.match(page.html, /<a href="\/audit" aria-current="page">Audit<\/a>/);
  });

  it('shows the newest first, with who, how, why, result and links', async () => {
    await add({ why: 'older' }, { action: 'resume', why: 'newer', by: 'tom@example.com' });
    const page = await operator.get('/audit');
    assert.match(
      page.text,
      /Resume pmr_project ● paused tom@example\.com by page newer .*Pause pmr_project ● paused eva@example\.com by page older/,
    );
    assert.equal(linkOf(page, VIEW), `/views/${VIEW}`);
    const entry = await operator.get('/audit/1');
    assert.match(entry.text, /Pause View pmr_project Who eva@example\.com by page Why older/);
    assert.match(
      entry.text,
      /Request \{ "until": "2126-01-01T00:00:00Z" \} Answer \{ "outcome": "paused" \}/,
    );
  });

  it('shows whom a request names beside whom the platform has checked, and finds it by both', async () => {
    await add({ claimedBy: 'director@example.com' });
    const who = 'eva@example.com by page, claimed by director@example.com';
    assert.ok((await operator.get('/audit')).text.includes(who));
    assert.ok((await operator.get('/audit/1')).text.includes(`Who ${who}`));
    for (const by of ['eva@example.com', 'director@example.com']) {
      assert.ok((await operator.get(`/audit?by=${by}`)).text.includes(who), by);
    }
  });

  it('shows what failed with its advice, and what has not ended', async () => {
    await on.control.query(
      `insert into etl.audit (request_id, via, action, request, error_kind, error, advice, ended_at) values
         ('a', 'message', 'keys', '{}', 'invalid_event', 'these keys are none', 'Leave them out.', now()),
         ('b', 'call', 'purge', '{}', null, null, null, null)`,
    );
    const page = await operator.get('/audit');
    assert.match(page.text, /Purge – ◐ not ended nobody knows by call – .*■ failed these keys are none/);
    const failed = await operator.get('/audit/1');
    assert.match(failed.text, /Kind of error invalid_event Advice Leave them out\./);
    assert.match(failed.html, /data-refresh-seconds="0"/);
    const running = await operator.get('/audit/2');
    assert.match(running.text, /its process has died: ask again/);
    assert.match(running.html, /data-refresh-seconds="5"/, 'it shows its end by itself');
  });

  it('filters by view, action, who and days, which are in UTC unless they come as times', async () => {
    await add(
      { why: 'first', at: '2026-03-01T00:00:00Z' },
      { why: 'second', at: '2026-03-02T23:59:59.999Z', by: 'tom@example.com' },
      { why: 'third', at: '2026-03-03T00:00:00Z', view: 'pmr_gone', action: 'forget' },
    );
    const shown = async (query: string) =>
      [...(await operator.get(`/audit?${query}`)).text.matchAll(/first|second|third/g)].map(([why]) => why);
    assert.deepEqual(await shown(''), ['third', 'second', 'first']);
    assert.deepEqual(await shown('view=pmr_gone'), ['third']);
    assert.deepEqual(await shown('action=pause'), ['second', 'first']);
    assert.deepEqual(await shown('by=tom@example.com'), ['second']);
    assert.deepEqual(await shown('from=2026-03-02'), ['third', 'second']);
    assert.deepEqual(await shown('to=2026-03-02'), ['second', 'first']);
    assert.deepEqual(await shown('from=2026-03-02&to=2026-03-02&action=pause&view=pmr_project'), ['second']);
    assert.deepEqual(await shown('from=2026-03-02T23:59:59.999Z&to=2026-03-03T00:00:00.000Z'), ['second']);
    assert.match((await operator.get('/audit?view=pmr_other')).text, /No entry matches these filters\./);
    const short = await operator.get('/audit?view=&action=pause&by=&from=&to=');
    assert.equal(short.headers.get('location'), '/audit?action=pause');
  });

  it('pages by key: every entry once, also when new ones come meanwhile', async () => {
    await on.control.query(
      `insert into etl.audit (request_id, via, action, views, reason, request)
       select n::text, 'call', 'pause', '{${VIEW}}', 'reason-' || n, '{}' from generate_series(1, 120) n`,
    );
    const seen: string[] = [];
    let path: string | null = `/audit?view=${VIEW}`;
    while (path !== null) {
      const page = await operator.get(path);
      seen.push(...[...page.text.matchAll(/reason-(\d+)/g)].map(([, n = '']) => n));
      path = /rel="next"/.test(page.html) ? linkOf(page, 'Older') : null;
      await add({ why: 'new' });
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 120 }, (_, i) => String(120 - i)),
    );
    assert.equal(
      linkOf(await operator.get(`/audit?view=${VIEW}&before=60`), 'Newest'),
      `/audit?view=${VIEW}`,
    );
  });

  it('is open to viewers', async () => {
    await add({ why: 'seen' });
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    assert.match((await viewer.get('/audit')).text, /seen/);
    assert.equal((await viewer.get('/audit/1')).status, 200);
  });

  it('answers 404 for an entry that does not exist, and 400 for what is no filter', async () => {
    for (const id of ['999', 'x', '99999999999999999999', encodeURIComponent(SCRIPT)]) {
      assert.equal((await operator.get(`/audit/${id}`)).status, 404, id);
    }
    for (const query of [
      'before=x',
      'from=yesterday',
      'to=2026-02-30',
      'view=a%00b',
      `by=${'x'.repeat(201)}`,
    ]) {
      const page = await operator.get(`/audit?${query}`);
      assert.equal(page.status, 400, query);
      assert.match(page.text, /is not valid/);
    }
  });

  it('shows scripts and SQL as text', async () => {
    await add({ why: SCRIPT, by: SCRIPT, view: SCRIPT, action: SCRIPT });
    for (const path of [
      '/audit',
      '/audit/1',
      ...['view', 'action', 'by', 'from', 'before'].map(
        (name) => `/audit?${name}=${encodeURIComponent(SCRIPT)}`,
      ),
    ]) {
      const page = await operator.get(path);
      assert.ok([200, 400].includes(page.status), path);
      assert.doesNotMatch(page.html, /<script>alert/, path);
    }
    assert.match((await operator.get(`/audit?by=${encodeURIComponent(SCRIPT)}`)).text, /alert\(1\)/);
  });

  it('shows nothing of a cookie that is not its own', async () => {
    for (const text of [
      SCRIPT,
      Buffer.from(JSON.stringify({ text: 1, audit: SCRIPT })).toString('base64url'),
    ]) {
      const response = await operator.fetch('/audit', {
        headers: { cookie: `datahub-notice=${encodeURIComponent(text)}` },
      });
      assert.equal(response.status, 200);
      assert.doesNotMatch(await response.text(), /class="notice"/);
    }
  });
});
