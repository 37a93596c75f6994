import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tokenOf } from '../../support/admin-access.ts';
import { runDatahub } from './run-datahub.ts';
import { useDatahub } from './use-datahub.ts';

const PERSON = 'eva@example.com';
const ACCOUNT = 'operator@my-project.iam.gserviceaccount.com';
const REGION = 'asia-southeast1';

/** A gcloud that logs its arguments and prints tokens, or says what it says to somebody who is not logged in. */
const GCLOUD = `#!/bin/sh
echo "$*" >> "$GCLOUD_LOG"
if [ -n "$GCLOUD_LOGGED_OUT" ]; then
  echo 'ERROR: (gcloud.auth) You do not currently have an active account selected.' >&2
  exit 1
fi
case "$*" in
  *print-access-token*) echo access-token ;;
  *) echo "$GCLOUD_IDENTITY_TOKEN" ;;
esac
`;

type Received = { path: string; authorization: string | undefined; body: Record<string, unknown> };

describe('the command line in the cloud', () => {
  const { on, stack, functions: running } = useCloud();
  let folder: string;
  let api: Server;
  let url: string;
  let received: Received[];
  /** Answers of Google's APIs by path. */
  let answers: Record<string, { status: number; body: unknown | (() => unknown) }>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-gcloud-'));
    await writeFile(join(folder, 'gcloud'), GCLOUD);
    await chmod(join(folder, 'gcloud'), 0o755);
    api = createServer((request, response) => {
      void receive(request).then((each) => {
        received.push(each);
        const { status, body } = answers[each.path] ?? {
          status: 404,
          body: { error: { message: 'not found' } },
        };
        // The metadata server of a machine in the cloud says so, and its clients look at it.
        response.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' });
        const sent = typeof body === 'function' ? body() : body;
        response.end(typeof sent === 'string' ? sent : JSON.stringify(sent));
      });
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  });
  after(async () => {
    api.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    received = [];
    await rm(join(folder, 'log'), { force: true });
    const found = { status: 200, body: { serviceConfig: { uri: running().urlOf('extract') } } };
    answers = { [pathOf('extract')]: found, [pathOf('extract-test')]: found };
  });

  const pathOf = (name: string): string =>
    `/v2/projects/${on.parts.env.GOOGLE_CLOUD_PROJECT}/locations/${REGION}/functions/${name}`;
  const cloud = (args: string[], env: Record<string, string> = {}) =>
    runDatahub(args, {
      env: {
        PATH: [folder, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
        DATAHUB_PROJECT: on.parts.env.GOOGLE_CLOUD_PROJECT ?? '',
        DATAHUB_REGION: REGION,
        GCLOUD_LOG: join(folder, 'log'),
        GCLOUD_IDENTITY_TOKEN: tokenOf(PERSON),
        CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS: `${url}/`,
        CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: url,
        CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY: stack.endpoints().BIGQUERY_EMULATOR_HOST ?? '',
        ...env,
      },
    });
  const gcloudCalls = async (): Promise<string[]> =>
    (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');

  it('looks the function up, and calls it with the identity of whoever is logged in, who stands in the audit', async () => {
    const { code, stdout, stderr } = await cloud(['pause', 'pmr_site', '--why', 'work']);

    assert.equal(code, 0, stderr);
    assert.match(stdout, /^● paused: pmr_site/);
    const { rows } = await on.control.query(
      'select requested_by, reason from etl.audit order by id desc limit 1',
    );
    assert.deepEqual(rows, [{ requested_by: PERSON, reason: 'work' }]);
    assert.deepEqual(received, [{ path: pathOf('extract'), authorization: 'Bearer access-token', body: {} }]);
    assert.deepEqual(await gcloudCalls(), ['auth print-access-token', 'auth print-identity-token']);
  });

  it('acts as a service account: one that gcloud uses, or one that the person may impersonate', async () => {
    const audience = `--audiences=${running().urlOf('extract')}`;
    await cloud(['status'], { GCLOUD_IDENTITY_TOKEN: tokenOf(ACCOUNT) });
    assert.deepEqual((await gcloudCalls()).slice(1), [
      'auth print-identity-token',
      `auth print-identity-token ${audience}`,
    ]);

    await rm(join(folder, 'log'));
    await cloud(['status', '--impersonate-service-account', ACCOUNT, '--environment', 'test']);
    const impersonation = `--impersonate-service-account=${ACCOUNT}`;
    assert.deepEqual(await gcloudCalls(), [
      `auth print-access-token ${impersonation}`,
      `auth print-identity-token ${audience} ${impersonation} --include-email`,
    ]);
    assert.equal(received.at(-1)?.path, pathOf('extract-test'));
  });

  it('asks BigQuery with the rights of the caller, in the project and the dataset of the targets', async () => {
    const { code, stdout, stderr } = await cloud(['query', 'select count(*) as n from project', '--json']);

    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).rows, [{ n: '1' }]);
    const refused = await cloud(['query', '--source', 'select 1']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^--source works only for the running npm start\./);
  });

  it('reads the entries of Cloud Logging, the oldest first, for one view with any name', async () => {
    const view = `a"b \\ งาน`;
    answers['/v2/entries:list'] = {
      status: 200,
      body: {
        entries: [
          entry('2026-01-31T08:00:02Z', 'ERROR', {
            message: 'view halted',
            view,
            error: 'no\u001b[2J',
            advice: 'Do.',
          }),
          entry('2026-01-31T08:00:01Z', 'INFO', { message: 'batch applied', view, added: '1' }),
        ],
      },
    };
    const { code, stdout, stderr } = await cloud([
      'logs',
      view,
      '--level',
      'warning',
      '--environment',
      'test',
    ]);

    assert.equal(code, 0, stderr);
    const [first = '', second = '', ...rest] = stdout.trimEnd().split('\n');
    assert.match(first, /● info extract: a"b \\ งาน: batch applied \(added 1\)$/);
    assert.match(second, /■ error extract: a"b \\ งาน: view halted$/);
    assert.deepEqual(rest, ['  no\\u001b[2J', '  Do.']);
    const { filter, resourceNames } = received[0]?.body ?? {};
    assert.deepEqual(resourceNames, [`projects/${on.parts.env.GOOGLE_CLOUD_PROJECT}`]);
    assert.match(String(filter), /jsonPayload\.view="a\\"b \\\\ งาน"$/);
    assert.match(String(filter), /"extract-test" OR "merge-test"/);
    assert.match(String(filter), /severity>=WARNING/);
  });

  it('reads as many entries as were asked for, by pages, with one token', async () => {
    const at = (second: number) => new Date(Date.UTC(2026, 0, 31, 0, 0, second)).toISOString();
    const page = (newest: number, length: number, nextPageToken?: string) => ({
      entries: Array.from({ length }, (_, i) =>
        entry(at(newest - i), 'INFO', { message: `line ${newest - i}` }),
      ),
      nextPageToken,
    });
    const pages = [page(2500, 1000, 'second'), page(1500, 800)];
    answers['/v2/entries:list'] = { status: 200, body: () => pages.shift() };
    const { code, stdout, stderr } = await cloud(['logs', '-n', '1800', '--since', '2026-01-01']);

    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 1800);
    assert.match(lines[0] ?? '', /line 701$/);
    assert.match(lines.at(-1) ?? '', /line 2500$/);
    assert.deepEqual(
      received.map(({ body: { pageSize, pageToken } }) => [pageSize, pageToken]),
      [
        [1000, undefined],
        [800, 'second'],
      ],
    );
    assert.deepEqual(await gcloudCalls(), ['auth print-access-token']);
  });

  it('says what to do without a login, a right, a function or an answer', async () => {
    const login = await cloud(['status'], { GCLOUD_LOGGED_OUT: '1' });
    assert.match(
      login.stderr,
      /^gcloud auth print-access-token failed: .*active account.*\nLog in with: gcloud auth login\./,
    );

    answers[pathOf('extract')] = { status: 403, body: { error: { message: 'Permission denied' } } };
    const right = await cloud(['status']);
    assert.match(
      right.stderr,
      /^Google refused to look the function extract up \(HTTP 403\): Permission denied\nThe account needs/,
    );

    delete answers[pathOf('extract')];
    const lost = await cloud(['status']);
    assert.match(lost.stderr, /^There is no function extract in region .*\nCorrect --project and --region\./);

    answers[pathOf('extract')] = { status: 200, body: { serviceConfig: { uri: `${url}/run` } } };
    answers['/run'] = { status: 403, body: '<html>Forbidden</html>' };
    const invoker = await cloud(['status']);
    assert.match(
      invoker.stderr,
      /^extract was not reached \(HTTP 403\)\.\nThe account may not call it: it must be in invokers/,
    );

    for (const { code, stdout, stderr } of [login, right, lost, invoker]) {
      assert.deepEqual([code, stdout], [1, '']);
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/);
    }
  });

  it('acts as the service account of the machine where gcloud is not installed', async () => {
    const metadata = '/computeMetadata/v1/instance/service-accounts/default';
    answers[`${metadata}/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform`] = {
      status: 200,
      body: { access_token: 'machine-token', expires_in: 3600, token_type: 'Bearer' },
    };
    answers[`${metadata}/identity?format=full&audience=${running().urlOf('extract')}`] = {
      status: 200,
      body: tokenOf(ACCOUNT),
    };
    const env = {
      PATH: '/nonexistent',
      GCE_METADATA_HOST: new URL(url).host,
      METADATA_SERVER_DETECTION: 'assume-present',
    };
    const { code, stderr } = await cloud(['resume', 'pmr_site'], env);

    assert.equal(code, 0, `${stderr}${JSON.stringify(received.map(({ path }) => path))}`);
    const { rows } = await on.control.query('select requested_by from etl.audit order by id desc limit 1');
    assert.deepEqual(rows, [{ requested_by: ACCOUNT }]);
  });

  it('refuses the default credentials of a person where gcloud is not installed', async () => {
    const credentials = join(folder, 'adc.json');
    await writeFile(
      credentials,
      JSON.stringify({ type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' }),
    );
    const env = { PATH: '/nonexistent', GOOGLE_APPLICATION_CREDENTIALS: credentials };
    const { code, stderr } = await cloud(['status'], env);
    assert.equal(code, 1);
    assert.match(stderr, /are those of a person, which make no identity tokens.*\n.*gcloud auth login/);
  });
});

const entry = (timestamp: string, severity: string, jsonPayload: object) => ({
  ...{ insertId: timestamp, timestamp, severity, jsonPayload },
  resource: { labels: { service_name: 'extract-test' } },
});

function useCloud() {
  const datahub = useDatahub();
  before(async () => {
    await datahub.on.source.add('app_project', { id: 1, name: 'one' });
    await datahub.on.replicate();
  });
  return { ...datahub, functions: () => datahub.functions };
}

async function receive(request: IncomingMessage): Promise<Received> {
  const body = await text(request);
  return {
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: body === '' ? {} : JSON.parse(body),
  };
}
