import assert from 'node:assert/strict';
import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { PassThroughClient } from 'google-auth-library';
import {
  type SecretManagerStandIn,
  startSecretManager,
} from '../../emulators/secret-manager/start-secret-manager.ts';

const SECRET = 'projects/smart-project/secrets/source-url';

describe("the emulator of Secret Manager, by Google's own client", () => {
  let standIn: SecretManagerStandIn;
  let client: SecretManagerServiceClient;

  beforeEach(async () => {
    standIn = await startSecretManager();
    const [apiEndpoint = '', port] = standIn.host.split(':');
    client = new SecretManagerServiceClient({
      fallback: true,
      protocol: 'http',
      apiEndpoint,
      port: Number(port),
      authClient: new PassThroughClient(),
    });
    standIn.secrets.add('smart-project', 'source-url', 'first');
    standIn.secrets.add('smart-project', 'source-url', 'second ☂');
  });
  afterEach(async () => {
    await client.close();
    await standIn.close();
  });

  const access = async (version: string) => {
    const [answer] = await client.accessSecretVersion({ name: `${SECRET}/versions/${version}` });
    return { name: answer.name, text: Buffer.from(answer.payload?.data ?? '').toString('utf8') };
  };

  it('gives a version by its number', async () => {
    assert.deepEqual(await access('1'), { name: `${SECRET}/versions/1`, text: 'first' });
  });

  it('gives the newest version as latest, and tells its number', async () => {
    assert.deepEqual(await access('latest'), { name: `${SECRET}/versions/2`, text: 'second ☂' });
  });

  it('gives the checksum of what it gives', async () => {
    // The check value of CRC-32C.
    standIn.secrets.add('smart-project', 'source-url', '123456789');
    const [{ payload }] = await client.accessSecretVersion({ name: `${SECRET}/versions/3` });

    assert.equal(String(payload?.dataCrc32c), String(0xe3069283));
  });

  it('refuses what is not there, disabled or forbidden', async () => {
    await assert.rejects(access('3'), { message: /not found/ });
    await assert.rejects(client.accessSecretVersion({ name: 'projects/p/secrets/none/versions/1' }), {
      message: /not found/,
    });
    standIn.secrets.disable('smart-project', 'source-url', 2);
    await assert.rejects(access('latest'), { message: /DISABLED/ });
    assert.equal((await access('1')).text, 'first');
    standIn.secrets.forbid('smart-project', 'source-url');
    await assert.rejects(access('1'), { message: /Permission/ });
  });
});
