import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuth2Client } from 'google-auth-library';
import { csrfToken } from '../../../functions/admin/access/csrf.ts';
import { createIapEmail } from '../../../functions/admin/access/iap-email.ts';
import { appFor, bearer, form, OPERATOR, STRANGER, VIEWER } from '../../support/admin-access.ts';
import { useInstallation } from '../../support/use-installation.ts';

const AUDIENCE = '/projects/123456/global/backendServices/987654';
const HEADER = 'x-goog-iap-jwt-assertion';
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [OURS, NEXT, FOREIGN] = [newKey(), newKey(), newKey()];

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A token of Identity-Aware Proxy, with changes. */
function token({
  claims = {},
  header = {},
  key = OURS.privateKey,
}: {
  claims?: object;
  header?: object;
  key?: KeyObject;
} = {}): string {
  const signed = [
    encode({ alg: 'ES256', typ: 'JWT', kid: 'ours', ...header }),
    encode({
      iss: 'https://cloud.google.com/iap',
      aud: AUDIENCE,
      sub: 'accounts.google.com:1',
      email: OPERATOR,
      iat: nowSeconds() - 10,
      exp: nowSeconds() + 590,
      ...claims,
    }),
  ].join('.');
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The same token with other claims under the old signature. */
function withClaims(original: string, claims: object): string {
  const [header, payload = '', signature] = original.split('.');
  const changed = { ...JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')), ...claims };
  return [header, encode(changed), signature].join('.');
}

describe('signing in to admin by Identity-Aware Proxy', () => {
  const { on } = useInstallation({ per: 'file' });
  let server: Server;
  let client: OAuth2Client;
  let keys: Record<string, string>;
  let status: number;
  let reads: number;

  before(async () => {
    server = createServer((_, response) => {
      reads += 1;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(keys));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    client = new OAuth2Client({
      endpoints: { oauth2IapPublicKeyUrl: `http://127.0.0.1:${port}/iap/verify/public_key` },
    });
  });
  after(() => server.close());
  beforeEach(() => {
    [keys, status, reads] = [{ ours: pem(OURS.publicKey) }, 200, 0];
  });

  const app = () => appFor({ by: 'iap', audience: AUDIENCE }, () => on.dependencies, client);
  const enter = async (headers: Record<string, string>) => {
    const log = on.captureLog();
    const response = await app().request('/', { headers });
    return { status: response.status, page: await response.text(), log: log.records(), response };
  };

  it('takes an operator and a viewer, whatever else the request says', async () => {
    const operator = await enter({ [HEADER]: token() });
    assert.equal(operator.status, 200);
    assert.match(operator.page, new RegExp(`${OPERATOR} · operator`));
    const forged = { authorization: bearer(OPERATOR), 'x-serverless-authorization': bearer(OPERATOR) };
    const viewer = await enter({ [HEADER]: token({ claims: { email: VIEWER.toUpperCase() } }), ...forged });
    assert.match(viewer.page, new RegExp(`${VIEWER} · viewer`));
    const stranger = await enter({ [HEADER]: token({ claims: { email: STRANGER } }), ...forged });
    assert.equal(stranger.status, 403);
    assert.match(stranger.page, /neither an operator nor a viewer/);
  });

  const WRONG: [title: string, headers: () => Record<string, string>, reason: string][] = [
    ['no header', () => ({ authorization: bearer(OPERATOR) }), 'no header of Identity-Aware Proxy'],
    ['an empty header', () => ({ [HEADER]: '' }), 'malformed'],
    ['something else', () => ({ [HEADER]: 'a.b.c' }), 'malformed'],
    ['two parts', () => ({ [HEADER]: token().split('.').slice(0, 2).join('.') }), 'malformed'],
    ['two tokens', () => ({ [HEADER]: `${token()}, ${token()}` }), 'malformed'],
    ['no key id', () => ({ [HEADER]: token({ header: { kid: undefined } }) }), 'malformed'],
    [
      'a token that another key signed',
      () => ({ [HEADER]: token({ key: FOREIGN.privateKey }) }),
      'Invalid token signature',
    ],
    [
      "another user's name in a good token",
      () => ({ [HEADER]: withClaims(token({ claims: { email: VIEWER } }), { email: OPERATOR }) }),
      'Invalid token signature',
    ],
    ['no signature', () => ({ [HEADER]: `${token().split('.').slice(0, 2).join('.')}.` }), 'malformed'],
    [
      'a token that says it needs no signature',
      () => ({
        [HEADER]: `${token({ header: { alg: 'none' } })
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
      }),
      'Invalid token signature',
    ],
    [
      'a key that Google does not publish',
      () => ({ [HEADER]: token({ header: { kid: 'other' } }) }),
      'No pem found',
    ],
    [
      'the name of a property as key',
      () => ({ [HEADER]: token({ header: { kid: 'constructor' } }) }),
      'No pem found',
    ],
    [
      'an expired token',
      () => ({ [HEADER]: token({ claims: { exp: nowSeconds() - 400 } }) }),
      'Token used too late',
    ],
    [
      'a token of the future',
      () => ({ [HEADER]: token({ claims: { iat: nowSeconds() + 400 } }) }),
      'Token used too early',
    ],
    [
      'a token for years',
      () => ({ [HEADER]: token({ claims: { exp: nowSeconds() + 10 * 365 * 86_400 } }) }),
      'Expiration time too far in future',
    ],
    ['a token without an end', () => ({ [HEADER]: token({ claims: { exp: undefined } }) }), 'malformed'],
    ['another audience', () => ({ [HEADER]: token({ claims: { aud: `${AUDIENCE}1` } }) }), 'Wrong recipient'],
    ['several audiences', () => ({ [HEADER]: token({ claims: { aud: [AUDIENCE] } }) }), 'Wrong recipient'],
    [
      'another issuer',
      () => ({ [HEADER]: token({ claims: { iss: 'https://accounts.google.com' } }) }),
      'Invalid issuer',
    ],
    ['no email', () => ({ [HEADER]: token({ claims: { email: undefined } }) }), 'no email'],
  ];
  for (const [title, headers, reason] of WRONG) {
    it(`refuses ${title}`, async () => {
      const given = headers();
      const found = await enter(given);
      assert.equal(found.status, 401, found.page);
      assert.match(found.page, /You are not signed in.*open the address of the load balancer/s);
      assert.equal(found.log.length, 1);
      assert.partialDeepStrictEqual(found.log[0], { message: 'admin access refused', severity: 'WARNING' });
      assert.equal(String(found.log[0]?.reason).replace('token of Identity-Aware Proxy: ', ''), reason);
      const said = found.page + JSON.stringify(found.log);
      for (const part of (given[HEADER] ?? '').split('.')) {
        if (part.length > 10) assert.ok(!said.includes(part.slice(0, 20)), 'a part of the token is shown');
      }
    });
  }

  it('answers 503 while the keys of Google cannot be read, and recovers', async () => {
    status = 404;
    const same = app();
    const failed = await same.request('/', { headers: { [HEADER]: token() } });
    assert.equal(failed.status, 503);
    assert.match(await failed.text(), /public keys of Identity-Aware Proxy cannot be read.*Try again/s);
    status = 200;
    assert.equal((await same.request('/', { headers: { [HEADER]: token() } })).status, 200);
  });

  it('reads the keys once an hour, and a new one when it is used', async () => {
    let now = Date.now();
    const emailOf = createIapEmail(AUDIENCE, client, () => now);
    const read = (given: string) => emailOf(new Headers({ [HEADER]: given }));
    for (let i = 0; i < 5; i += 1) assert.equal(await read(token()), OPERATOR);
    assert.equal(reads, 1);
    keys = { ...keys, next: pem(NEXT.publicKey) };
    const signedByNext = token({ header: { kid: 'next' }, key: NEXT.privateKey });
    await assert.rejects(read(signedByNext), 'unknown names cannot make it read at each request');
    assert.equal(reads, 1);
    now += 61_000;
    assert.equal(await read(signedByNext), OPERATOR);
    assert.equal(await read(token()), OPERATOR);
    assert.equal(reads, 2);
    keys = { next: pem(NEXT.publicKey) };
    now += 3_601_000;
    await assert.rejects(read(token()), /Sign in through/);
    assert.equal(reads, 3);
  });

  it('gives a cookie that only HTTPS and this host carry, and takes changes with it', async () => {
    const same = app();
    const headers = { [HEADER]: token() };
    const [cookie = ''] = (await same.request('/', { headers })).headers.getSetCookie();
    assert.match(cookie, /^__Host-datahub=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const [pair = ''] = cookie.split(';');
    const csrf = csrfToken(pair.split('=')[1] ?? '', OPERATOR);
    const post = async (more: Record<string, string>) => {
      const host = 'datahub.example.com';
      const init = form({}, { headers: { ...headers, host, ...more }, cookie: pair, csrf });
      return (await same.request('/nothing-is-here', init)).status;
    };
    assert.equal(await post({ origin: 'https://datahub.example.com', 'sec-fetch-site': 'same-origin' }), 404);
    assert.equal(await post({ origin: 'http://localhost:8080' }), 403);
    assert.equal(await post({ origin: 'http://datahub.example.com' }), 403);
    const plain = form({}, { headers, cookie: pair.replace('__Host-', ''), csrf });
    assert.equal((await same.request('/nothing-is-here', plain)).status, 403);
  });
});
