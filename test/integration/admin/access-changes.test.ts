import assert from 'node:assert/strict';
import { CSRF_FIELD, csrfToken } from '../../../functions/admin/access/csrf.ts';
import { appFor, bearer, form, OPERATOR, STRANGER, VIEWER } from '../../support/admin-access.ts';
import { useInstallation } from '../../support/use-installation.ts';

const X = 'x-serverless-authorization';

type App = ReturnType<typeof appFor>;

describe('access to admin by a browser:', () => {
  const { on } = useInstallation({ per: 'file' });
  const iam = () => appFor({ by: 'iam' }, () => on.dependencies);

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
});
