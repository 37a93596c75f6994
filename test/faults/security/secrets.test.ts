import assert from 'node:assert/strict';
import pg from 'pg';
import type { FunctionName } from '../../local/functions.ts';
import { ENTRIES, STREAMED_ENTRY } from '../../support/installation.ts';
import { pushed } from '../../support/pushed.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { everythingStored } from './everything-stored.ts';
import { findSecrets, formsOf } from './find-secrets.ts';

const SOURCE = `s3cret Söurce/?#[]@:%25'"\\+&=x`;
const CONTROL = 'c0ntrol%2Fhush{9f8e7d6c}';
const WRONG = 'wr0ng-hush&4d3c2b1a';
const MALFORMED = 'm4lformed-hush-0a1b2c3d';
const SECRETS = [SOURCE, CONTROL, WRONG, MALFORMED];

const CONTROL_ROLE = 'control_owner';
const STREAMED = STREAMED_ENTRY.name;

describe('I12 secrets', () => {
  const { on } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
  /** Everything that the functions printed or answered, or PostgreSQL showed, by origin. */
  const collected = new Map<string, string>();
  const collect = (origin: string, text: string) =>
    collected.set(origin, `${collected.get(origin) ?? ''}${text}\n`);

  before(async () => {
    const { source, control } = on;
    await source.database.query(`alter role ${READER.name} password ${pg.escapeLiteral(SOURCE)}`);
    const database = new URL(on.parts.env.CONTROL_DATABASE_URL ?? '').pathname.slice(1);
    await control.query(`
      create role ${CONTROL_ROLE} login password ${pg.escapeLiteral(CONTROL)};
      alter database ${database} owner to ${CONTROL_ROLE};
      alter schema etl owner to ${CONTROL_ROLE};
      grant all on all tables in schema etl to ${CONTROL_ROLE};
      grant all on all sequences in schema etl to ${CONTROL_ROLE};`);
  });

  /** Returns a database URL with the password, in one of the two places where a URL can carry it. */
  const urlOf = (side: 'SOURCE' | 'CONTROL', password: string, where: 'userinfo' | 'parameter'): string => {
    const url = new URL(on.parts.env[`${side}_DATABASE_URL`] ?? '');
    url.username = side === 'SOURCE' ? READER.name : CONTROL_ROLE;
    url.password = where === 'userinfo' ? encodeURIComponent(password) : '';
    if (where === 'parameter') url.searchParams.set('password', password);
    return url.href;
  };

  /** Runs functions in their own processes with the most verbose log, and collects everything they print and answer. */
  async function running(
    names: readonly FunctionName[],
    settings: Record<string, string>,
    work: (post: (name: FunctionName, body: unknown) => Promise<Record<string, unknown>>) => Promise<void>,
  ): Promise<void> {
    const env = {
      ...on.parts.env,
      SOURCE_DATABASE_URL: urlOf('SOURCE', SOURCE, 'userinfo'),
      CONTROL_DATABASE_URL: urlOf('CONTROL', CONTROL, 'userinfo'),
      LOG_LEVEL: 'trace',
      CONNECT_TIMEOUT_SECONDS: '5',
      ...settings,
    };
    const functions = await RunningFunctions.start(names, env, (line, name, from) =>
      collect(`${from} of ${name}`, line),
    );
    try {
      await work(async (name, body) => {
        const response = await functions.post(name, body);
        const text = await response.text();
        collect(`headers of ${name}`, JSON.stringify([...response.headers]));
        collect(`answers of ${name}`, text);
        await collectActivity();
        return JSON.parse(text) as Record<string, unknown>;
      });
    } finally {
      await functions.stop();
    }
  }

  async function collectActivity(): Promise<void> {
    const { rows } = await on.control.query(
      `select application_name, usename, query from pg_stat_activity where usename in ($1, $2)`,
      [READER.name, CONTROL_ROLE],
    );
    for (const row of rows) collect('pg_stat_activity', JSON.stringify(row));
  }

  for (const where of ['userinfo', 'parameter'] as const) {
    it(`work in a complete run, from the ${where} of the URLs`, async () => {
      const id = where === 'userinfo' ? 1 : 2;
      const settings = {
        SOURCE_DATABASE_URL: urlOf('SOURCE', SOURCE, where),
        CONTROL_DATABASE_URL: urlOf('CONTROL', CONTROL, where),
      };
      await running(['extract', 'merge', 'reconcile', 'stream'], settings, async (post) => {
        const replicate = async (view: string) => {
          const { etlTransactionId, ...extracted } = await post('extract', { view });
          assert.equal(extracted.outcome, 'staged', JSON.stringify(extracted));
          const applied = await post(view === STREAMED ? 'stream' : 'merge', { view, etlTransactionId });
          assert.equal(applied.outcome, 'applied', JSON.stringify(applied));
        };
        await on.source.add('app_project', { id, name: 'one' });
        await on.source.add('app_incident', { id, type: 'leak' });
        await post('extract', { import: [...ENTRIES, STREAMED_ENTRY] });
        assert.equal((await post('extract', { check: true })).outcome, 'ready');
        await replicate('pmr_project');
        await replicate(STREAMED);
        await on.source.change('app_project', id, { name: 'two' });
        await on.source.change('app_incident', id, { type: 'fire' });
        await post('extract', { dryRun: true });
        await replicate('pmr_project');
        await replicate(STREAMED);
        await post('extract', pushed({}));
        for (const view of ['pmr_project', STREAMED]) {
          assert.equal((await post('reconcile', { view })).outcome, 'consistent');
        }

        await on.source.change('app_project', id, { share: 'NaN' });
        const halted = await post('extract', pushed({ view: 'pmr_project' }));
        assert.partialDeepStrictEqual(halted, { error: { kind: 'bad_data' } });
        await on.source.change('app_project', id, { share: '1' });
        await post('extract', { view: 'pmr_project', resume: true });
        await replicate('pmr_project');

        for (const event of [{ view: 'x' }, { view: 'pmr_project', full: true }, '{"view":']) {
          for (const name of ['extract', 'merge', 'reconcile', 'stream'] as const) {
            assert.partialDeepStrictEqual(await post(name, pushed(event)), {
              error: { kind: 'invalid_event' },
            });
            if (typeof event === 'object') await post(name, event);
          }
        }
        await on.source.database.query(`revoke select on pmr_project from ${READER.name}`);
        await post('extract', pushed({ view: 'pmr_project' }));
        await on.source.database.query(`grant select on pmr_project to ${READER.name}`);
        await post('extract', { view: 'pmr_project', resume: true });
        // An unexpected error: a table that differs from its migration.
        await on.control.query('alter table etl.lease rename column holder to keeper');
        await post('extract', pushed({ view: 'pmr_project' }));
        await on.control.query('alter table etl.lease rename column keeper to holder');
        await post('extract', { view: 'pmr_project', resume: true });
      });
      await on.assertEqual();
    });
  }

  const refused: Record<string, { settings: () => Record<string, string>; kind: string }> = {
    'a wrong password of the source': {
      settings: () => ({ SOURCE_DATABASE_URL: urlOf('SOURCE', WRONG, 'userinfo') }),
      kind: 'unauthorized',
    },
    'a wrong password of the control database': {
      settings: () => ({ CONTROL_DATABASE_URL: urlOf('CONTROL', WRONG, 'parameter') }),
      kind: 'unauthorized',
    },
    'an unreachable server': {
      settings: () => ({ SOURCE_DATABASE_URL: `postgresql://reader:${WRONG}@127.0.0.1:1/smartapp` }),
      kind: 'transient',
    },
    'a missing socket': {
      settings: () => ({ CONTROL_DATABASE_URL: `postgresql://reader:${WRONG}@/etl?host=/cloudsql/nowhere` }),
      kind: 'transient',
    },
    'a database that does not exist': {
      settings: () => ({
        SOURCE_DATABASE_URL: urlOf('SOURCE', SOURCE, 'userinfo').replace(/\/[^/]*$/, '/nowhere'),
      }),
      kind: 'configuration',
    },
    'a malformed URL': {
      settings: () => ({
        SOURCE_DATABASE_URL: `postgresql://reader:%zz${MALFORMED}@h/d`,
        CONTROL_DATABASE_URL: `mysql://root:${MALFORMED}@h/d?password=${MALFORMED}`,
      }),
      kind: 'environment',
    },
    'a password in a variable for something else': {
      settings: () => ({
        GOOGLE_CLOUD_PROJECT: MALFORMED,
        STAGING_BUCKET: `${MALFORMED} `,
        LOG_LEVEL: MALFORMED,
      }),
      kind: 'environment',
    },
  };
  for (const [what, { settings, kind }] of Object.entries(refused)) {
    it(`are used in a failing run: ${what}`, async () => {
      await running(['extract', 'merge', 'reconcile', 'stream'], settings(), async (post) => {
        for (const event of [{ view: 'pmr_site' }, pushed({ view: 'pmr_site' })]) {
          const answer = await post('extract', event);
          assert.partialDeepStrictEqual(answer, { error: { kind } });
          await on.dependencies.control.viewStops.resume('pmr_site');
        }
        await post('extract', { check: true });
        await post('reconcile', pushed({ view: 'pmr_site' }));
        for (const name of ['merge', 'stream'] as const) {
          await post(name, pushed({ view: 'pmr_site', etlTransactionId: '1' }));
        }
      });
    });
  }

  it('appear nowhere: not in output, responses, pg_stat_activity, tables, objects, jobs or messages', async () => {
    const stored = await everythingStored(on);
    const texts = new Map([...collected, ...stored]);
    // The search is meaningless if there is nothing to search.
    for (const name of [
      ...[
        'stdout of extract',
        'stdout of merge',
        'stdout of stream',
        'answers of extract',
        'pg_stat_activity',
      ],
      ...['control table etl.etl_error', 'control table etl.etl_transaction', 'messages of deadLetter'],
    ]) {
      assert.ok((texts.get(name) ?? '').length > 100, `${name} is nearly empty`);
    }
    assert.ok([...stored.keys()].some((name) => /^object .*upserts-00000/.test(name)));
    assert.ok([...stored.values()].some((text) => text.includes('CALL') || text.includes('call `')));

    assert.deepEqual(findSecrets(texts, SECRETS), []);
  });

  describe('the search', () => {
    for (const secret of SECRETS) {
      it(`finds secrets in plain text, escaped, percent-encoded, and inside base64 at any offset: ${secret}`, () => {
        const url = new URL('postgresql://user@host/db');
        url.password = secret;
        const planted = [
          secret,
          url.href,
          encodeURIComponent(secret),
          JSON.stringify({ url: secret }),
          JSON.stringify({ line: JSON.stringify({ url: secret }) }),
          String(new URLSearchParams({ password: secret })),
          ...['', 'a', 'ab', 'abc'].map((before) =>
            Buffer.from(`${before}${secret}${before}`).toString('base64'),
          ),
          Buffer.from(url.href).toString('base64url'),
        ];
        for (const text of planted) {
          const found = findSecrets(new Map([['a log', `before ${text} after`]]), [secret]);
          assert.ok(found.length > 0, text);
        }
      });
    }

    it('finds nothing else', () => {
      assert.ok(SECRETS.flatMap(formsOf).every((form) => form.length >= 12));
      assert.deepEqual(
        findSecrets(new Map([['a log', 'postgresql://reader:[redacted]@host/db']]), SECRETS),
        [],
      );
    });
  });
});
