import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { SecretReader } from '../../../shared/config/read-secrets.ts';
import { createSecretReader } from '../../../shared/google/secret-reader.ts';
import { failBefore } from '../../emulators/faults.ts';
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

  it('gives the newest version each time, without the line end that was typed after it', async () => {
    assert.equal(await read(latest), 'hunter1');
    standIn.secrets.add(PROJECT, 'url', 'hunter2 ☂\n');

    assert.equal(await read(latest), 'hunter2 ☂');
    assert.equal(await read({ ...latest, version: '1' }), 'hunter1');
  });

  it('says that there is none, and how to add one', async () => {
    await assert.rejects(read({ ...latest, version: '2' }), {
      kind: 'environment',
      message: 'names sm://smart-project/url/2, which does not exist',
      advice: /gcloud secrets versions add url --project smart-project/,
    });
    await assert.rejects(read({ ...latest, secret: 'other' }), { message: /does not exist/ });
  });

  it('says that it is disabled', async () => {
    standIn.secrets.disable(PROJECT, 'url', 1);

    await assert.rejects(read(latest), { kind: 'environment', message: /is disabled or destroyed/ });
  });

  it('says which right is missing, and on what', async () => {
    standIn.secrets.forbid(PROJECT, 'url');

    await assert.rejects(read(latest), {
      kind: 'unauthorized',
      message: 'names sm://smart-project/url/latest, which must not be read',
      advice: /roles\/secretmanager\.secretAccessor on secret url of project smart-project/,
    });
  });

  it('takes no value that was damaged on the way', async () => {
    standIn.secrets.damagesNext = true;

    await assert.rejects(read(latest), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'transient');
      assert.match(error.message, /arrived damaged/);
      assert.doesNotMatch(inspect(error), /hunter/);
      return true;
    });
    assert.equal(await read(latest), 'hunter1');
  });

  it('leaves a failure of the service to the next try', async () => {
    standIn.faults.next('secretmanager.versions.access', failBefore(500));

    await assert.rejects(read(latest), { kind: 'transient' });
    assert.equal(await read(latest), 'hunter1');
  });

  it('takes an address of a wrong form for no address', async () => {
    process.env.SECRET_MANAGER_EMULATOR_HOST = 'http://127.0.0.1:1';

    await assert.rejects(createSecretReader()(latest), {
      kind: 'environment',
      message: /SECRET_MANAGER_EMULATOR_HOST must have the form host:port/,
    });
  });
});
