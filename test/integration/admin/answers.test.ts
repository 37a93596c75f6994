import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { createDependencies } from '../../../shared/runtime/dependencies.ts';
import { appFor, bearer, form, OPERATOR } from '../../support/admin-access.ts';
import { Severable } from '../../support/severable.ts';
import { useInstallation } from '../../support/use-installation.ts';

const HEADERS = { authorization: bearer(OPERATOR) };

describe('what admin answers', () => {
  const { on } = useInstallation({ per: 'file' });
  const app = () => appFor({ by: 'iam' }, () => on.dependencies);
  const assetsOf = (page: string) =>
    [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);

  it('lets a page load only from this host, and be framed and guessed by nobody', async () => {
    for (const path of ['/', '/nothing-is-here', '/assets/none/admin.css']) {
      const { headers } = await app().request(path, { headers: HEADERS });
      const policy = new Map(
        (headers.get('content-security-policy') ?? '').split(/; */).map((part) => {
          const [name = '', ...values] = part.split(' ');
          return [name, values.join(' ')];
        }),
      );
      assert.deepEqual(Object.fromEntries(policy), {
        'default-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self'",
        'img-src': "'self'",
        'connect-src': "'self'",
        'form-action': "'self'",
        'base-uri': "'none'",
        'frame-ancestors': "'none'",
      });
      assert.partialDeepStrictEqual(Object.fromEntries(headers), {
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      });
      assert.equal(headers.get('x-powered-by'), null);
    }
  });

  it('keeps a refusal, a failure and a page out of every cache', async () => {
    const answers = [
      await app().request('/', { headers: HEADERS }),
      await app().request('/', {}),
      await app().request('/nothing-is-here', { headers: HEADERS }),
      await app().request('/assets/none/admin.css'),
      await app().request('/', { method: 'PUT', headers: HEADERS }),
    ];
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get('cache-control')]),
      [200, 401, 404, 404, 405].map((status) => [status, 'no-store']),
    );
  });

  it('serves assets to everybody, for ever, under names that change with their content', async () => {
    const page = await (await app().request('/', { headers: HEADERS })).text();
    const paths = assetsOf(page);
    assert.deepEqual(paths.map((path) => path.split('/').at(-1)).toSorted(), [
      'admin.css',
      'admin.js',
      'idiomorph.js',
      'uplot.css',
      'uplot.js',
    ]);
    for (const path of paths) {
      const response = await app().request(path);
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get('cache-control'), 'private, max-age=31536000, immutable');
      assert.match(
        response.headers.get('content-type') ?? '',
        path.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
      );
      assert.ok((await response.text()).length > 100);
      assert.equal((await app().request(path.replace(/\/assets\/[^/]+/, '/assets/an-old-one'))).status, 404);
    }
    for (const path of ['/assets/../admin.ts', '/assets/x/..%2f..%2fadmin.ts', '/assets/x/constructor']) {
      const response = await app().request(path, { headers: HEADERS });
      assert.equal(response.status, 404, path);
    }
  });

  it('compresses pages and assets for whoever asks for it', async () => {
    const plain = await app().request('/', { headers: HEADERS });
    assert.equal(plain.headers.get('content-encoding'), null);
    const [css = ''] = assetsOf(await plain.text());
    for (const path of ['/', css]) {
      const headers = { ...HEADERS, 'accept-encoding': 'gzip, deflate, br' };
      const response = await app().request(path, { headers });
      assert.equal(response.headers.get('content-encoding'), 'gzip', path);
      assert.match(response.headers.get('vary') ?? '', /accept-encoding/i);
      const content = gunzipSync(Buffer.from(await response.arrayBuffer())).toString('utf8');
      assert.match(content, path === '/' ? /^<!doctype html>.*<\/html>/s : /\{/);
    }
  });

  it('refuses a body that no form needs', async () => {
    const log = on.captureLog();
    const init = form({ note: 'x'.repeat(1_000_001) }, { headers: HEADERS });
    const response = await app().request('/nothing-is-here', init);
    assert.equal(response.status, 413);
    assert.match(await response.text(), /The form is too large.*at most 1 MB. Go back/s);
    assert.partialDeepStrictEqual(log.records(), [
      { message: 'admin access refused', status: 413, reason: 'body too large' },
    ]);
  });

  it('says that it has a bug, and shows where only in the log', async () => {
    const log = on.captureLog();
    const views = async () => {
      const nothing: unknown = undefined;
      return (nothing as { secretive: never[] }).secretive;
    };
    const { dependencies } = on;
    const control = { ...dependencies.control, status: { ...dependencies.control.status, views } };
    const broken = appFor({ by: 'iam' }, () => ({ ...dependencies, control }) as Dependencies);
    const response = await broken.request('/', {
      headers: { ...HEADERS, traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` },
    });
    const page = await response.text();
    assert.equal(response.status, 500);
    assert.match(page, /This page cannot be shown.*an error of its own.*report it.*Try again/s);
    assert.doesNotMatch(page, /secretive|TypeError|answers\.test|\.ts\b|node_modules/);
    const [line, ...others] = log.records();
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(line, {
      severity: 'ERROR',
      message: 'admin page failed',
      path: '/',
      kind: 'bug',
      'logging.googleapis.com/trace': `projects/${on.parts.env.GOOGLE_CLOUD_PROJECT}/traces/${'ab'.repeat(16)}`,
    });
    assert.match(String(line?.stack), /^ {4}at .*answers\.test\.ts:\d+/);
    assert.match(String(line?.error), /secretive/);
  });

  describe('while the control database cannot be reached', () => {
    let way: Severable;
    const UNAVAILABLE = /This page cannot be shown.*control database.*Nothing was changed\. Try again/s;

    beforeEach(async () => {
      way = await Severable.to(on.parts.env.CONTROL_DATABASE_URL ?? '');
    });
    afterEach(() => way.sever());

    const env = () => ({ ...on.parts.env, CONTROL_DATABASE_URL: way.url });

    it('says so with its style sheet, and recovers', async () => {
      const found = await createDependencies(env());
      const same = appFor({ by: 'iam' }, () => found);
      assert.equal((await same.request('/', { headers: HEADERS })).status, 200);
      await way.sever();
      const response = await same.request('/', { headers: HEADERS });
      const page = await response.text();
      assert.equal(response.status, 503);
      assert.match(page, UNAVAILABLE);
      assert.doesNotMatch(page, /postgres(ql)?:\/\/|password/);
      for (const path of assetsOf(page)) assert.equal((await same.request(path)).status, 200);
      await way.restore();
      assert.equal((await same.request('/', { headers: HEADERS })).status, 200);
    });

    it('says so when it starts, and recovers', async () => {
      await way.sever();
      const same = appFor({ by: 'iam' }, () => createDependencies(env()));
      const response = await same.request('/', { headers: HEADERS });
      assert.equal(response.status, 503);
      const page = await response.text();
      assert.match(page, UNAVAILABLE);
      for (const path of assetsOf(page)) assert.equal((await same.request(path)).status, 200);
      await way.restore();
      assert.equal((await same.request('/', { headers: HEADERS })).status, 200);
    });
  });
});
