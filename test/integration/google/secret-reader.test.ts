import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { SecretReader } from '../../../shared/config/read-secrets.ts';
import { createSecretReader } from '../../../shared/google/secret-reader.ts';
import { dropAfterEffect, failBefore, hold } from '../../emulators/faults.ts';
import {
  type SecretManagerStandIn,
  startSecretManager,
} from '../../emulators/secret-manager/start-secret-manager.ts';

const PROJECT = 'smart-project';

describe('reading a secret', () => {
  let standIn: SecretManagerStandIn;
  let read: SecretReader;

  beforeEach(async () => {
    standIn = await startSecretManager();
    process.env.SECRET_MANAGER_EMULATOR_HOST = standIn.host;
    read = createSecretReader();
    standIn.secrets.add(PROJECT, 'url', 'hunter1');
  });
  afterEach(async () => {
    delete process.env.SECRET_MANAGER_EMULATOR_HOST;
    await standIn.close();
  });

  const latest = { project: PROJECT, secret: 'url', version: 'latest' };

  it('returns the newest version each time, without the line break after it', async () => {
    assert.equal(await read(latest), 'hunter1');
    standIn.secrets.add(PROJECT, 'url', 'hunter2 ☂\n');

    assert.equal(await read(latest), 'hunter2 ☂');
    assert.equal(await read({ ...latest, version: '1' }), 'hunter1');
  });

  it('reports a missing version, and how to add one', async () => {
    await assert.rejects(read({ ...latest, version: '2' }), {
      kind: 'environment',
      message: 'names sm://smart-project/url/2, which does not exist',
      advice: /gcloud secrets versions add url --project smart-project/,
    });
    await assert.rejects(read({ ...latest, secret: 'other' }), { message: /does not exist/ });
  });

  it('reports a disabled version', async () => {
    standIn.secrets.disable(PROJECT, 'url', 1);

    await assert.rejects(read(latest), { kind: 'environment', message: /is disabled or destroyed/ });
  });

  it('reports the missing role and the secret that needs it', async () => {
    standIn.secrets.forbid(PROJECT, 'url');

    await assert.rejects(read(latest), {
      kind: 'unauthorized',
      message: 'names sm://smart-project/url/latest, which the function may not read',
      advice: /roles\/secretmanager\.secretAccessor on secret url of project smart-project/,
    });
  });

  it('refuses a value that was corrupted in transit', async () => {
    standIn.secrets.damagesNext = true;

    await assert.rejects(read(latest), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'transient');
      assert.match(error.message, /arrived corrupt/);
      assert.doesNotMatch(inspect(error), /hunter/);
      return true;
    });
    assert.equal(await read(latest), 'hunter1');
  });

  for (const [what, fault] of [
    ['fails', failBefore(500)],
    ['cannot be reached', failBefore(503)],
    ['drops the connection', dropAfterEffect()],
  ] as const) {
    it(`is repeated when the service ${what}`, async () => {
      standIn.faults.next('secretmanager.versions.access', fault);

      assert.equal(await read(latest), 'hunter1');
      assert.deepEqual(standIn.faults.unused, []);
    });
  }

  it('reports a failure of the service that lasts as transient', async () => {
    const impatient = createSecretReader(0.3);
    standIn.faults.next(
      'secretmanager.versions.access',
      ...Array.from({ length: 50 }, () => failBefore(503)),
    );

    await assert.rejects(impatient(latest), {
      kind: 'transient',
      message: /^names sm:\/\/smart-project\/url\/latest, which cannot be read: /,
    });
    standIn.faults.clear();
    standIn.faults.next('secretmanager.versions.access', hold(), hold(), hold());
    await assert.rejects(impatient(latest), {
      kind: 'transient',
      message: /cannot be read: secret sm:.*: no answer within 0\.3 seconds/,
    });
    standIn.faults.clear();
    assert.equal(await read(latest), 'hunter1');
  });

  it('refuses a malformed emulator address', async () => {
    process.env.SECRET_MANAGER_EMULATOR_HOST = 'http://127.0.0.1:1';

    await assert.rejects(createSecretReader()(latest), {
      kind: 'environment',
      message: /SECRET_MANAGER_EMULATOR_HOST must have the form host:port/,
    });
  });
});
