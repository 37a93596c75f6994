import assert from 'node:assert/strict';
import type pg from 'pg';
import {
  type SecretManagerStandIn,
  startSecretManager,
} from '../../emulators/secret-manager/start-secret-manager.ts';
import { isFailure } from '../../local/functions.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

const KEEPER = 'keeper';

/** The database URLs of a running function are secrets, and its roles get new passwords. */
describe('a replaced password', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  let secretManager: SecretManagerStandIn;
  let server: pg.Pool;
  let functions: RunningFunctions;
  let output: string;

  before(async () => {
    secretManager = await startSecretManager();
    server = stack.connect(stack.postgres.url());
    await server.query(`create role ${KEEPER} login superuser`);
    await on.source.add('app_project', { id: 1, name: 'one' });
  });
  after(() => secretManager.close());
  beforeEach(async () => {
    output = '';
    await replace('source', 'hunter1');
    await replace('control', 'hunter2');
    functions = await start({});
  });
  afterEach(() => functions.stop());

  const urlOf = (side: 'source' | 'control', password: string): string => {
    const { SOURCE_DATABASE_URL = '', CONTROL_DATABASE_URL = '' } = on.parts.env;
    const url = new URL(side === 'source' ? SOURCE_DATABASE_URL : CONTROL_DATABASE_URL);
    return Object.assign(url, { username: roleOf(side), password }).href;
  };
  const roleOf = (side: 'source' | 'control') => (side === 'source' ? READER.name : KEEPER);
  const setPassword = async (side: 'source' | 'control', password: string) => {
    await server.query(`alter role ${roleOf(side)} password '${password}'`);
    // Open connections would not need the new password.
    await server.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
      roleOf(side),
    ]);
  };
  const replace = async (side: 'source' | 'control', password: string) => {
    secretManager.secrets.add('smart-project', `${side}-url`, urlOf(side, password));
    await setPassword(side, password);
  };
  const start = (settings: Record<string, string>) =>
    RunningFunctions.start(
      ['extract'],
      {
        ...on.parts.env,
        LOG_LEVEL: 'info',
        SOURCE_DATABASE_URL: 'sm://smart-project/source-url/latest',
        CONTROL_DATABASE_URL: 'sm://smart-project/control-url/latest',
        SECRET_MANAGER_EMULATOR_HOST: secretManager.host,
        ...settings,
      },
      (line) => {
        output += line;
      },
    );
  /** Uses both databases, whatever state the view is in. Repeats the call, as Pub/Sub does, when it meets a terminated connection. */
  const call = async () => {
    for (;;) {
      const answer = await functions.call('extract', { view: 'pmr_project', keys: [1] });
      if (!isFailure(answer)) return answer as { keysQueued: number; error?: undefined };
      if (answer.error.kind !== 'transient') return { ...answer, keysQueued: 0 };
    }
  };

  for (const side of ['source', 'control'] as const) {
    it(`of the ${side} is read again, and the function continues without a restart`, async () => {
      assert.equal((await call()).keysQueued, 1);
      const reads = secretManager.secrets.reads;

      await replace(side, 'hunter3');

      assert.equal((await call()).keysQueued, 1);
      assert.equal(secretManager.secrets.reads, reads + 1);
      assert.doesNotMatch(output, /hunter/);
    });
  }

  it('is read once when no version contains it yet, and the error gives advice', async () => {
    assert.equal((await call()).keysQueued, 1);
    const reads = secretManager.secrets.reads;
    await setPassword('source', 'hunter4');

    const answer = await call();

    assert.partialDeepStrictEqual(answer, {
      error: {
        kind: 'unauthorized',
        message: 'source database: password authentication failed for user "reader"',
        advice:
          'Add a version with the right password to the secret sm://smart-project/source-url/latest. It is read again when the server refuses the password.',
      },
    });
    assert.equal(secretManager.secrets.reads, reads + 1);
    await replace('source', 'hunter5');
    assert.equal((await call()).keysQueued, 1);
    assert.doesNotMatch(output + JSON.stringify(answer), /hunter/);
  });

  for (const [what, change] of [
    ['changes the TLS mode', (url: string) => `${url}?sslmode=no-verify`],
    ['names another host', (url: string) => url.replace('127.0.0.1', 'db.example')],
    ['is not a URL', () => 'hunter7'],
  ] as const) {
    it(`is not taken from a version that ${what}`, async () => {
      assert.equal((await call()).keysQueued, 1);
      await setPassword('source', 'hunter7');
      secretManager.secrets.add('smart-project', 'source-url', change(urlOf('source', 'hunter7')));

      const answer = await call();

      assert.partialDeepStrictEqual(answer, {
        error: {
          kind: 'environment',
          message:
            'names sm://smart-project/source-url/latest, which does not hold a usable URL of the source database',
        },
      });
      assert.doesNotMatch(output + JSON.stringify(answer), /hunter/);
    });
  }

  it('does not affect a version that is named by its number, and the error explains this', async () => {
    const version = secretManager.secrets.add('smart-project', 'source-url', urlOf('source', 'hunter1'));
    await functions.stop();
    functions = await start({ SOURCE_DATABASE_URL: `sm://smart-project/source-url/${version}` });
    assert.equal((await call()).keysQueued, 1);

    await replace('source', 'hunter6');

    const { error } = await call();
    assert.equal(error?.kind, 'unauthorized');
    assert.match(String(error?.advice), /Name the version "latest"/);
  });
});
