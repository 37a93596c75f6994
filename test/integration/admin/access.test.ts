import assert from 'node:assert/strict';
import {
  appFor,
  bearer,
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
});
