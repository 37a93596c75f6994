import assert from 'node:assert/strict';
import { parseConfig } from '../../../shared/config/config.ts';
import { Authority } from '../../emulators/authority.ts';
import { USABLE } from './usable-environment.ts';

const urlOf = (host: string): string => `postgresql://reader:hunter2@${host}/smartapp`;
const sourceOf = (settings: Record<string, string>) => parseConfig({ ...USABLE, ...settings }).sourceDatabase;

describe('the configuration of a database', () => {
  let certificate: string;
  before(async () => {
    ({ certificate } = await Authority.create('test'));
  });

  for (const [host, expected] of [
    ['db.example:5432', 'verify-full'],
    ['10.0.0.7', 'verify-full'],
    ['localhost.example', 'verify-full'],
    ['localhost:5433', 'disable'],
    ['127.0.0.1:5433', 'disable'],
    ['[::1]:5433', 'disable'],
  ] as const) {
    it(`uses TLS mode ${expected} by default for ${host}`, () => {
      assert.equal(sourceOf({ SOURCE_DATABASE_URL: urlOf(host) }).tls, expected);
    });
  }

  it('uses no encryption over a socket, even when the URL names its folder', () => {
    const url = 'postgresql://reader:hunter2@/smartapp?host=/cloudsql/p:r:i';

    assert.equal(sourceOf({ SOURCE_DATABASE_URL: url }).tls, 'disable');
  });

  it('uses the effective host when the URL names two', () => {
    const url = `${urlOf('localhost')}?host=db.example`;

    assert.equal(sourceOf({ SOURCE_DATABASE_URL: url }).tls, 'verify-full');
  });

  it('uses the variables of its own side', () => {
    const config = parseConfig({
      ...USABLE,
      SOURCE_TLS: 'require',
      CONTROL_TLS_CA: certificate,
      CONTROL_DATABASE_URL: urlOf('localhost'),
    });

    assert.partialDeepStrictEqual(config.sourceDatabase, { side: 'source', tls: 'require', tlsCa: null });
    assert.partialDeepStrictEqual(config.controlDatabase, {
      side: 'control',
      tls: 'verify-full',
      tlsCa: certificate,
      cloudSql: null,
    });
  });

  it('accepts the name of a Cloud SQL instance, including one in a domain-scoped project', () => {
    for (const instance of ['smart-project:europe-west1:main', 'example.com:smart-project:europe-west1:main'])
      assert.deepEqual(sourceOf({ SOURCE_CLOUD_SQL_INSTANCE: instance }).cloudSql, {
        instance,
        ipType: 'PUBLIC',
      });
    const settings = { SOURCE_CLOUD_SQL_INSTANCE: 'p:r:i', SOURCE_CLOUD_SQL_IP_TYPE: 'PSC' };
    assert.equal(sourceOf(settings).cloudSql?.ipType, 'PSC');
  });

  it('is refused with all problems at once', () => {
    const settings = {
      SOURCE_DATABASE_URL: `${urlOf('db.example')}?sslmode=no-verify`,
      SOURCE_TLS: 'prefer',
      SOURCE_TLS_CA: 'hunter2',
      CONTROL_DATABASE_URL: undefined,
      CONTROL_TLS: 'require',
      CONTROL_CLOUD_SQL_INSTANCE: 'main',
      CONTROL_CLOUD_SQL_IP_TYPE: 'ANY',
    };

    assert.throws(() => parseConfig({ ...USABLE, ...settings }), {
      kind: 'environment',
      message: [
        'The environment is not usable: SOURCE_DATABASE_URL must not set sslmode or another TLS parameter; set the variable ending in _TLS instead',
        'SOURCE_TLS must be one of disable, require, verify-ca, verify-full',
        'SOURCE_TLS_CA does not contain a PEM certificate',
        'CONTROL_DATABASE_URL is missing',
        'CONTROL_CLOUD_SQL_INSTANCE must have the form project:region:instance',
        'CONTROL_CLOUD_SQL_IP_TYPE must be one of PUBLIC, PRIVATE, PSC',
        'CONTROL_TLS cannot be set together with CONTROL_CLOUD_SQL_INSTANCE, whose connector encrypts by itself.',
      ].join('; '),
    });
  });

  for (const parameter of ['ssl=true', 'sslmode=disable', 'sslrootcert=/ca.pem', 'uselibpqcompat=true']) {
    it(`is refused with ${parameter} in the URL`, () => {
      const url = `${urlOf('db.example')}?application_name=x&${parameter}`;

      assert.throws(() => sourceOf({ SOURCE_DATABASE_URL: url }), { message: /must not set sslmode/ });
    });
  }

  it('is refused when a piece of its password would be taken for the host', () => {
    for (const password of ['pa@se/cret', 'pa@se?cret', '1#se@cret']) {
      const url = `postgresql://reader:${password}@db.example/smartapp`;

      assert.throws(() => sourceOf({ SOURCE_DATABASE_URL: url }), { message: /percent-encoded/ });
    }
  });

  it('is refused with a certificate authority while TLS is disabled', () => {
    assert.throws(() => sourceOf({ SOURCE_TLS: 'disable', SOURCE_TLS_CA: certificate }), {
      message: /SOURCE_TLS_CA has no effect while SOURCE_TLS is disable/,
    });
  });
});
