import assert from 'node:assert/strict';
import { CSRF_FIELD, csrfToken } from '../../../functions/admin/access/csrf.ts';
import {
  appFor,
  bearer,
  form,
  identityToken,
  OPERATOR,
  STRANGER,
  tokenOf,
  VIEWER,
} from '../../support/admin-access.ts';
import { useInstallation } from '../../support/use-installation.ts';

const X = 'x-serverless-authorization';

type App = ReturnType<typeof appFor>;
type Headers = Record<string, string>;

describe('access to admin', () => {
  const { on } = useInstallation({ per: 'file' });

  const iam = () => appFor({ by: 'iam' }, () => on.dependencies);
  const loopback = () => appFor({ by: 'loopback' }, () => on.dependencies);

  /** What a page says about the user, or the status and the text of the refusal. */
  const enter = async (app: App, headers: Headers) => {
    const log = on.captureLog();
    const response = await app.request('/', { headers });
    const page = await response.text();
    const [, who] = /class="who">.*<span>([^<]*)<\/span><\/span>/s.exec(page) ?? [];
    return { status: response.status, who, page, log: log.records() };
  };

  /** A refusal is a plain page and a log line, and neither holds a token. */
  const assertRefused = async (
    app: App,
    headers: Headers,
    { status, page, reason }: { status: number; page: RegExp; reason: string | RegExp },
  ) => {
    const found = await enter(app, headers);
    assert.equal(found.status, status, found.page);
    assert.match(found.page, page);
    assert.doesNotMatch(found.page, /class="views"|pmr_project/);
    assert.equal(found.log.length, 1);
    const [line] = found.log;
    assert.partialDeepStrictEqual(line, { message: 'admin access refused', severity: 'WARNING', status });
    assert.match(String(line?.reason), typeof reason === 'string' ? new RegExp(`^${reason}$`) : reason);
    const said = JSON.stringify(line) + found.page;
    const tokens = Object.entries(headers).filter(([name]) => /authorization|jwt/.test(name));
    for (const part of tokens.flatMap(([, value]) => value.split(/[ .,]+/))) {
      if (part.length > 10) assert.ok(!said.includes(part), `a part of a token is shown: ${part}`);
    }
  };

  describe('where the function demands IAM', () => {
    const ALLOWED: [title: string, headers: Headers, who: string][] = [
      ['an operator', { authorization: bearer(OPERATOR) }, `${OPERATOR} · operator`],
      ['a viewer', { authorization: bearer(VIEWER) }, `${VIEWER} · viewer`],
      ['any case of an email', { authorization: bearer('Olga@Example.COM') }, `${OPERATOR} · operator`],
      ['any case of Bearer', { authorization: `bearer ${tokenOf(VIEWER)}` }, `${VIEWER} · viewer`],
      ['the header that Cloud Run checks first', { [X]: bearer(VIEWER) }, `${VIEWER} · viewer`],
      [
        "a viewer's token beside a forged operator's, as a viewer",
        { [X]: bearer(VIEWER), authorization: bearer(OPERATOR) },
        `${VIEWER} · viewer`,
      ],
      [
        "an operator's token beside a forged viewer's, as an operator",
        { [X]: bearer(OPERATOR), authorization: bearer(VIEWER) },
        `${OPERATOR} · operator`,
      ],
    ];
    for (const [title, headers, who] of ALLOWED) {
      it(`takes ${title}`, async () => {
        const found = await enter(iam(), headers);
        assert.deepEqual([found.status, found.who, found.log], [200, who, []]);
      });
    }

    const verified = (email: unknown) => `Bearer ${identityToken({ email, email_verified: true })}`;
    const NOBODY: [title: string, headers: Headers][] = [
      ['no token', {}],
      ['an empty header', { authorization: '' }],
      ['another scheme', { authorization: `Basic ${Buffer.from('olga:secret').toString('base64')}` }],
      ['a token of one part', { authorization: 'Bearer abcdefghijklmnop' }],
      ['a token of four parts', { authorization: `${bearer(OPERATOR)}.more` }],
      ['a token that is not JSON', { authorization: `Bearer ${identityToken('not JSON')}` }],
      ['a token that is null', { authorization: `Bearer ${identityToken('null')}` }],
      ['several tokens', { authorization: `${bearer(VIEWER)}, ${bearer(OPERATOR)}` }],
      ['something behind the token', { authorization: `${bearer(OPERATOR)} x` }],
      ['no email', { authorization: `Bearer ${identityToken({ sub: '1', email_verified: true })}` }],
      ['an email that is no text', { authorization: verified([OPERATOR]) }],
      [
        'an email that nobody has verified',
        { authorization: `Bearer ${identityToken({ email: OPERATOR, email_verified: false })}` },
      ],
      [
        'an email whose verification is a text',
        { authorization: `Bearer ${identityToken({ email: OPERATOR, email_verified: 'true' })}` },
      ],
      [
        'an email without a word about verification',
        { authorization: `Bearer ${identityToken({ email: OPERATOR })}` },
      ],
      [
        'a malformed token beside a forged good one',
        { [X]: 'Bearer abcdefghijklmnop', authorization: bearer(OPERATOR) },
      ],
      ['an empty first header beside a forged token', { [X]: '', authorization: bearer(OPERATOR) }],
      ["another proxy's header", { 'x-goog-authenticated-user-email': `accounts.google.com:${OPERATOR}` }],
    ];
    for (const [title, headers] of NOBODY) {
      it(`refuses ${title} and says how to come in`, () =>
        assertRefused(iam(), headers, {
          status: 401,
          page: /You are not signed in.*gcloud run services proxy/s,
          reason: 'no identity token with an email',
        }));
    }

    it('refuses an unknown email, and says who can add it', () =>
      assertRefused(
        iam(),
        { authorization: bearer(STRANGER) },
        {
          status: 403,
          page: new RegExp(
            `${STRANGER} is neither an operator nor a viewer.*admin_operators or admin_viewers`,
          ),
          reason: `${STRANGER} has no role`,
        },
      ));

    it('takes an email for text', async () => {
      const { status, page } = await enter(iam(), { authorization: bearer('<script>@example.com') });
      assert.equal(status, 403);
      assert.match(page, /&lt;script&gt;@example\.com is neither/);
      assert.doesNotMatch(page, /<script>@/);
    });
  });

  describe('on a machine of its own', () => {
    for (const host of ['localhost', '127.0.0.1:8080', 'LocalHost:8080', '[::1]:8080']) {
      it(`answers ${host}`, async () => {
        const found = await enter(loopback(), { host });
        assert.deepEqual([found.status, found.who], [200, 'local user · operator']);
      });
    }

    for (const host of [
      '',
      'example.com',
      'localhost.example.com:8080',
      '127.0.0.1.nip.io:8080',
      'rebound.test:8080',
      'localhost.:8080',
      'example.com@localhost',
      'localhost@example.com',
      'localhost/..',
      'localhost, example.com',
      '0.0.0.0:8080',
      '2130706433',
      '192.168.1.7:8080',
      '[::]:8080',
      '[fe80::1]:8080',
    ]) {
      it(`refuses the host ${JSON.stringify(host)}`, () =>
        assertRefused(
          loopback(),
          { host },
          { status: 403, page: /same machine only/, reason: 'foreign Host' },
        ));
    }

    for (const origin of [
      'http://example.com',
      'https://localhost:8080',
      'http://localhost:3000',
      'http://127.0.0.1:8080',
      'http://localhost:8080.example.com',
      'null',
    ]) {
      it(`refuses the origin ${origin}`, () =>
        assertRefused(
          loopback(),
          { host: 'localhost:8080', origin },
          { status: 403, page: /pages of its own only/, reason: 'foreign Origin' },
        ));
    }

    it('answers its own pages', async () => {
      const { status } = await enter(loopback(), { host: 'localhost:8080', origin: 'http://localhost:8080' });
      assert.equal(status, 200);
    });
  });

  describe('a change', () => {
    /** The cookie and the token that a page gives to a user. */
    const visit = async (app: App, email = OPERATOR) => {
      const headers = { authorization: bearer(email) };
      const response = await app.request('/', { headers });
      const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      return { headers, cookie, csrf: csrfToken(cookie.split('=')[1] ?? '', email) };
    };
    const postTo = async (app: App, init: RequestInit, query = '') => {
      const log = on.captureLog();
      const response = await app.request(`/nothing-is-here${query}`, init);
      return { status: response.status, page: await response.text(), log: log.records() };
    };
    /** Nothing answers at the address, so that whoever gets there may change something. */
    const LET_IN = 404;

    it('is taken with the token of the page and the cookie of the browser', async () => {
      const app = iam();
      const { status, log } = await postTo(app, form({}, await visit(app)));
      assert.deepEqual([status, log], [LET_IN, []]);
    });

    it('is taken behind the proxy of gcloud, where Origin is localhost and Host is not', async () => {
      const app = iam();
      const { headers, ...page } = await visit(app);
      const behindProxy = {
        ...headers,
        host: 'admin-abc.a.run.app',
        origin: 'http://127.0.0.1:8080',
        'sec-fetch-site': 'same-origin',
      };
      assert.equal((await postTo(app, form({}, { ...page, headers: behindProxy }))).status, LET_IN);
      const direct = { ...headers, host: 'admin-abc.a.run.app', origin: 'https://admin-abc.a.run.app' };
      assert.equal((await postTo(app, form({}, { ...page, headers: direct }))).status, LET_IN);
    });

    it('is refused from a viewer, whatever the form says', async () => {
      const app = iam();
      const { status, page, log } = await postTo(app, form({}, await visit(app, VIEWER)));
      assert.equal(status, 403);
      assert.match(page, /vera@example\.com may look but not act.*admin_operators/s);
      assert.partialDeepStrictEqual(log, [
        { message: 'admin access refused', reason: `${VIEWER} is no operator` },
      ]);
    });

    it("is refused with a viewer's token beside a forged operator's", async () => {
      const app = iam();
      const { cookie, csrf } = await visit(app);
      const headers = { [X]: bearer(VIEWER), authorization: bearer(OPERATOR) };
      assert.equal((await postTo(app, form({}, { headers, cookie, csrf }))).status, 403);
    });

    const WRONG: [title: string, change: (page: Awaited<ReturnType<typeof visit>>, app: App) => unknown][] = [
      ['without the token', ({ headers, cookie }) => form({}, { headers, cookie })],
      ['with an empty token', (page) => form({}, { ...page, csrf: '' })],
      ['with a forged token', (page) => form({}, { ...page, csrf: 'A'.repeat(43) })],
      ['with a token of another length', (page) => form({}, { ...page, csrf: `${page.csrf}A` })],
      ['without the cookie', ({ headers, csrf }) => form({}, { headers, csrf })],
      ['with a cookie of another form', (page) => form({}, { ...page, cookie: 'datahub=x' })],
      [
        'with a cookie of another name',
        (page) => form({}, { ...page, cookie: page.cookie.replace('datahub', '__Host-datahub') }),
      ],
      [
        "with another user's token",
        (page) => form({}, { ...page, csrf: csrfToken(page.cookie.split('=')[1] ?? '', 'otto@example.com') }),
      ],
      [
        "with another browser's token",
        async (page, app) => form({}, { ...page, csrf: (await visit(app)).csrf }),
      ],
      [
        'with the token in JSON',
        ({ headers, cookie, csrf }) => ({
          method: 'POST',
          headers: { ...headers, cookie, 'content-type': 'application/json' },
          body: JSON.stringify({ [CSRF_FIELD]: csrf }),
        }),
      ],
      [
        'with a malformed form',
        ({ headers, cookie }) => ({
          method: 'POST',
          headers: { ...headers, cookie, 'content-type': 'multipart/form-data; boundary=x' },
          body: 'no part of this form',
        }),
      ],
    ];
    for (const [title, change] of WRONG) {
      it(`is refused ${title}`, async () => {
        const app = iam();
        const init = (await change(await visit(app), app)) as RequestInit;
        const { status, page, log } = await postTo(app, init);
        assert.equal(status, 403);
        assert.match(page, /form is out of date.*reload the page/s);
        assert.partialDeepStrictEqual(log, [{ message: 'admin access refused', reason: 'CSRF token' }]);
        assert.doesNotMatch(JSON.stringify(log), /datahub=|[\w-]{43}/);
      });
    }

    it('is refused with the token in the address', async () => {
      const app = iam();
      const { headers, cookie, csrf } = await visit(app);
      const { status } = await postTo(app, form({}, { headers, cookie }), `?${CSRF_FIELD}=${csrf}`);
      assert.equal(status, 403);
    });

    for (const foreign of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://rebound.test:8080' },
      { origin: 'https://example.com' },
      { origin: 'null' },
    ]) {
      it(`is refused from ${JSON.stringify(foreign)}, even with the right token`, async () => {
        const app = iam();
        const { headers, ...page } = await visit(app);
        const { status, log } = await postTo(
          app,
          form({}, { ...page, headers: { ...headers, host: 'admin-abc.a.run.app', ...foreign } }),
        );
        assert.equal(status, 403);
        assert.partialDeepStrictEqual(log, [{ reason: 'a page of another place' }]);
      });
    }

    it('is nothing that another method can ask for', async () => {
      const app = iam();
      const { headers, cookie, csrf } = await visit(app);
      for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const log = on.captureLog();
        const response = await app.request('/', {
          method,
          headers: { ...headers, cookie },
          ...(method !== 'OPTIONS' && { body: new URLSearchParams({ [CSRF_FIELD]: csrf }) }),
        });
        assert.equal(response.status, 405, method);
        assert.equal(response.headers.get('allow'), 'GET, HEAD, POST');
        assert.equal(response.headers.get('access-control-allow-origin'), null);
        assert.match(await response.text(), new RegExp(`Nothing here takes a ${method} request`));
        assert.partialDeepStrictEqual(log.records(), [
          { message: 'admin access refused', reason: `method ${method}` },
        ]);
      }
    });
  });

  describe('a page', () => {
    const at = async (fetched: Record<string, string>) => {
      const headers = { authorization: bearer(OPERATOR), ...fetched };
      return (await iam().request('/', { headers })).status;
    };

    for (const site of ['cross-site', 'same-site']) {
      it(`may be linked to, but not loaded as a part of itself, by a page that is ${site}`, async () => {
        assert.equal(await at({ 'sec-fetch-site': site, 'sec-fetch-dest': 'document' }), 200);
        for (const dest of ['image', 'iframe', 'script', 'empty']) {
          assert.equal(await at({ 'sec-fetch-site': site, 'sec-fetch-dest': dest }), 403, dest);
        }
      });
    }

    it('is for whoever types its address, for its own script, and for browsers that say nothing', async () => {
      assert.equal(await at({ 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' }), 200);
      assert.equal(await at({ 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' }), 200);
      assert.equal(await at({}), 200);
    });
  });

  describe('the cookie', () => {
    it('is for this host, for no script and no other site, and stays', async () => {
      const app = iam();
      const headers = { authorization: bearer(OPERATOR) };
      const [first = '', ...others] = (await app.request('/', { headers })).headers.getSetCookie();
      assert.deepEqual(others, []);
      assert.match(first, /^datahub=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
      const again = await app.request('/', { headers: { ...headers, cookie: first.split(';')[0] ?? '' } });
      assert.deepEqual(again.headers.getSetCookie(), []);
    });

    it('is replaced if it is not ours', async () => {
      const headers = { authorization: bearer(OPERATOR), cookie: 'datahub=chosen-by-somebody-else' };
      const response = await iam().request('/', { headers });
      assert.match(response.headers.getSetCookie()[0] ?? '', /^datahub=[\w-]{43};/);
    });

    it('is not given to whoever may not enter', async () => {
      const response = await iam().request('/', { headers: { authorization: bearer(STRANGER) } });
      assert.deepEqual(response.headers.getSetCookie(), []);
    });
  });

  it('GET and HEAD change nothing, wherever they go', async () => {
    const app = iam();
    const [all] = await Promise.all([stored(), on.mailboxes.extract.take(), on.mailboxes.reconcile.take()]);
    const paths = new Set(
      app.routes.filter(({ method }) => method === 'GET').map(({ path }) => filled(path)),
    );
    for (const path of paths) {
      const headers = { authorization: bearer(OPERATOR) };
      const response = await app.request(`${path}?confirm=yes&reason=x`, { headers });
      assert.ok(response.status < 500, `${path}: ${response.status}`);
      const head = await app.request(path, { method: 'HEAD', headers });
      assert.ok(head.status < 500 && (await head.text()) === '', path);
    }
    assert.ok(paths.has('/'));
    assert.deepEqual(await stored(), all);
    assert.deepEqual([await on.mailboxes.extract.take(), await on.mailboxes.reconcile.take()], [[], []]);
  });

  /** An address of a route. */
  const filled = (path: string): string =>
    path
      .replaceAll(/:(?:name|view)\b[^/]*/g, 'pmr_project')
      .replaceAll(/:day\b[^/]*/g, '2026-01-02')
      .replaceAll(/:\w+(\{[^}]*\})?/g, '1');

  /** Every row of the control database. */
  async function stored(): Promise<Record<string, unknown>> {
    const { rows: tables } = await on.control.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'etl' and table_type = 'BASE TABLE' order by 1`,
    );
    const content: Record<string, unknown> = {};
    for (const { name } of tables) {
      const { rows } = await on.control.query(`select t::text as row from etl.${name} as t order by 1`);
      content[name] = rows.map(({ row }) => row);
    }
    return content;
  }
});
