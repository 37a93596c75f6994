import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { parseConfig } from '../../../shared/config/config.ts';
import { readSecrets, type SecretReader } from '../../../shared/config/read-secrets.ts';
import { showReference } from '../../../shared/config/secret.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { USABLE } from './usable-environment.ts';

const REFERENCE = { project: 'smart-project', secret: 'source-url', version: 'latest' };
const NAMED = { ...USABLE, SOURCE_DATABASE_URL: 'sm://smart-project/source-url/latest' };

const returns =
  (value: string): SecretReader =>
  async () =>
    value;
const fails =
  (kind: 'environment' | 'unauthorized' | 'transient'): SecretReader =>
  async (reference) => {
    throw new DataHubError(kind, `names ${showReference(reference)}, which fails`, {
      advice: `Fix ${kind}.`,
    });
  };
const configOf = async (env: Record<string, string | undefined>, read: SecretReader) =>
  parseConfig(env, await readSecrets(env, read));

describe('a secret that an environment variable refers to', () => {
  it('is read, and its reference is remembered', async () => {
    const { sourceDatabase, controlDatabase } = await configOf(NAMED, returns(USABLE.SOURCE_DATABASE_URL));

    assert.equal(sourceDatabase.url.reveal(), USABLE.SOURCE_DATABASE_URL);
    assert.deepEqual([sourceDatabase.reference, controlDatabase.reference], [REFERENCE, null]);
  });

  it('is read for every variable that may hold a secret, each by its own reference', async () => {
    const env = {
      ...USABLE,
      SOURCE_DATABASE_URL: 'sm://smart-project/source-url/7',
      SOURCE_TLS_CA: 'sm://other-project/ca/latest',
      CONTROL_DATABASE_URL: 'sm://123456789012/control_url/latest',
      CONTROL_TLS_CA: 'sm://other-project/ca/latest',
      STAGING_BUCKET: 'sm://smart-project/bucket/latest',
    };
    const requested: string[] = [];
    await readSecrets(env, async (reference) => {
      requested.push(showReference(reference));
      return '';
    });

    assert.deepEqual(requested.toSorted(), [
      'sm://123456789012/control_url/latest',
      'sm://other-project/ca/latest',
      'sm://other-project/ca/latest',
      'sm://smart-project/source-url/7',
    ]);
  });

  it('is not requested when no variable refers to one', async () => {
    await readSecrets(USABLE, async () => assert.fail('a secret was requested'));
  });

  it('must be valid for its variable, and is not printed when it is invalid', async () => {
    await assert.rejects(configOf(NAMED, returns('mysql://reader:hunter2@db.example/x')), (error: Error) => {
      assert.match(error.message, /SOURCE_DATABASE_URL must be a postgresql:\/\/ URL/);
      assert.doesNotMatch(inspect(error), /hunter/);
      return true;
    });
  });

  for (const text of [
    'sm://smart-project/source-url',
    'sm://smart-project/source-url/newest',
    'sm://smart-project/source-url/0',
    'sm:///source-url/latest',
    'sm://smart-project/source url/latest',
    'sm://projects/smart-project/secrets/source-url/versions/latest',
  ]) {
    it(`is refused as ${text}, before any request`, async () => {
      const env = { ...NAMED, SOURCE_DATABASE_URL: text };
      const read = async () => assert.fail('a secret was requested');

      await assert.rejects(configOf(env, read), {
        kind: 'environment',
        message:
          'The environment is not usable: SOURCE_DATABASE_URL must have the form sm://project/secret/version.',
      });
    });
  }

  it('is reported together with all other problems when it cannot be read', async () => {
    const env = { ...NAMED, STAGING_BUCKET: undefined, CONTROL_TLS: 'prefer' };

    await assert.rejects(configOf(env, fails('unauthorized')), {
      kind: 'environment',
      message:
        'The environment is not usable: CONTROL_TLS must be one of disable, require, verify-ca, verify-full; STAGING_BUCKET is missing; ' +
        'SOURCE_DATABASE_URL names sm://smart-project/source-url/latest, which fails.',
      advice: /Fix unauthorized\. Correct the environment variables/,
    });
  });

  for (const kind of ['environment', 'unauthorized', 'transient'] as const) {
    it(`causes an error of kind ${kind} when nothing else is wrong`, async () => {
      await assert.rejects(configOf(NAMED, fails(kind)), { kind, advice: `Fix ${kind}.` });
    });
  }

  it('causes an error of kind unauthorized when another secret only fails temporarily', async () => {
    const env = { ...NAMED, CONTROL_DATABASE_URL: 'sm://smart-project/control-url/latest' };
    const read: SecretReader = (reference) =>
      fails(reference.secret === 'control-url' ? 'unauthorized' : 'transient')(reference);

    await assert.rejects(configOf(env, read), { kind: 'unauthorized' });
  });
});
