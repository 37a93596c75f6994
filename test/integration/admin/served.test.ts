import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { CSRF_FIELD, csrfToken } from '../../../functions/admin/access/csrf.ts';
import { ADMIN, type RunningFunction, startFunction } from '../../local/functions.ts';
import { bearer, OPERATOR, VIEWER } from '../../support/admin-access.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** admin behind the Functions Framework, which reads bodies and headers before it does. */
describe('admin in a process of its own', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  const lines: string[] = [];
  let iam: RunningFunction<typeof ADMIN>;
  let loopback: RunningFunction<typeof ADMIN>;

  const start = (settings: Record<string, string>) =>
    startFunction(ADMIN, {
      env: { ...process.env, ...on.parts.env, ...stack.endpoints(), LOG_LEVEL: 'info', ...settings },
      anyPort: true,
      onLine: (line) => lines.push(line),
    });

  before(async () => {
    [iam, loopback] = await Promise.all([
      start({
        ADMIN_SIGN_IN: 'iam',
        ADMIN_OPERATORS: `${OPERATOR}, otto@example.com`,
        ADMIN_VIEWERS: VIEWER,
      }),
      start({}),
    ]);
  });
  after(() => Promise.all([iam, loopback].map((each) => each.process.stop())));

  /** The whole answer to a request as it is written. */
  const raw = async (url: string, head: string[]): Promise<string> => {
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.write([...head, 'Connection: close', '', ''].join('\r\n'));
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('utf8');
  };

  it('is for the same machine only if nothing else is said', async () => {
    const response = await fetch(loopback.url);
    assert.equal(response.status, 200);
    assert.match(await response.text(), /local user · operator/);
    const rebound = await raw(loopback.url, ['GET / HTTP/1.1', 'Host: rebound.test:8080']);
    assert.match(rebound, /^HTTP\/1\.1 403 .*same machine only/s);
    const two = await raw(loopback.url, ['GET / HTTP/1.0', 'Host: localhost', 'Host: rebound.test']);
    assert.match(two, /^HTTP\/1\.[01] 40[03] /);
    assert.match(await raw(loopback.url, ['GET / HTTP/1.0']), /^HTTP\/1\.1 400 /);
  });

  it('takes no user from a header that comes twice', async () => {
    for (const name of ['Authorization', 'X-Serverless-Authorization']) {
      const answer = await raw(iam.url, [
        'GET / HTTP/1.1',
        'Host: admin.example.com',
        `${name}: ${bearer(OPERATOR)}`,
        `${name}: ${bearer(VIEWER)}`,
      ]);
      assert.match(answer, /^HTTP\/1\.1 401 /, name);
    }
  });

  it('reads forms, and answers HEAD with headers alone', async () => {
    const headers = { authorization: bearer(OPERATOR) };
    const page = await fetch(iam.url, { headers });
    const [cookie = ''] = page.headers.getSetCookie()[0]?.split(';') ?? [];
    const token = csrfToken(cookie.split('=')[1] ?? '', OPERATOR);
    const post = (csrf: string, how: (fields: Record<string, string>) => URLSearchParams | FormData) =>
      fetch(`${iam.url}/nothing-is-here`, {
        method: 'POST',
        headers: { ...headers, cookie },
        body: how({ [CSRF_FIELD]: csrf, note: 'ä €' }),
      });
    const multipart = (fields: Record<string, string>) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      return body;
    };
    for (const how of [(fields: Record<string, string>) => new URLSearchParams(fields), multipart]) {
      assert.equal((await post(token, how)).status, 404, 'the form is taken; there is no such page');
      assert.equal((await post(`${token}x`, how)).status, 403);
    }
    const head = await fetch(iam.url, { method: 'HEAD', headers });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    assert.equal(head.headers.get('cache-control'), 'no-store');
  });

  it('refuses a body that no form needs', async () => {
    const response = await fetch(`${iam.url}/nothing-is-here`, {
      method: 'POST',
      headers: { authorization: bearer(OPERATOR) },
      body: new URLSearchParams({ note: 'x'.repeat(1_000_001) }),
    });
    assert.equal(response.status, 413);
    assert.match(await response.text(), /The form is too large/);
  });

  it('logs each refusal in the form of Cloud Logging, without a token', () => {
    const refusals = lines.filter((line) => line.includes('admin access refused'));
    assert.ok(refusals.length >= 5);
    for (const line of refusals) {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      assert.equal(parsed.severity, 'WARNING');
      assert.deepEqual(parsed['logging.googleapis.com/labels'], { function: 'admin' });
      assert.doesNotMatch(line, /eyJ|Bearer|SIGNATURE/);
    }
  });
});
