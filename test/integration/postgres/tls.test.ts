import assert from 'node:assert/strict';
import type pg from 'pg';
import { inStatement } from '../../../shared/postgres/transaction.ts';
import { Authority } from '../../emulators/authority.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** SOURCE_TLS and SOURCE_TLS_CA. */
type Tls = { mode?: string; ca?: string };

describe('TLS of a database connection', () => {
  let trusted: Authority;
  let other: Authority;
  let encrypting: Postgres;
  let plain: Postgres;
  const pools: pg.Pool[] = [];

  before(async () => {
    trusted = await Authority.create('SMart test authority');
    other = await Authority.create('Another authority');
    // The certificate names the host, not its address.
    const tls = await trusted.issue({ commonName: 'database', dns: ['localhost'] });
    [encrypting, plain] = await Promise.all([startPostgres({ tls }), startPostgres()]);
  });
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));
  after(() => Promise.all([encrypting.stop(), plain.stop()]));

  const open = (server: Postgres, host: 'localhost' | '127.0.0.1', { mode, ca }: Tls): pg.Pool => {
    const url = server.url().replace('127.0.0.1', host);
    const pool = openTestPool(url, { max: 2, settings: { SOURCE_TLS: mode, SOURCE_TLS_CA: ca } });
    pools.push(pool);
    return pool;
  };
  const isEncrypted = async (server: Postgres, host: 'localhost' | '127.0.0.1', tls: Tls) => {
    const sql = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
    const { rows } = await inStatement(open(server, host, tls), 'source', sql);
    return rows[0].ssl as boolean;
  };

  for (const [what, host, tls, expected] of [
    ['is off with disable', 'localhost', { mode: 'disable' }, false],
    ['is off by default on this machine', 'localhost', {}, false],
    ['does not check the server with require', '127.0.0.1', { mode: 'require' }, true],
    ['checks the signature but not the host name with verify-ca', '127.0.0.1', { mode: 'verify-ca' }, true],
    ['checks the signature and the host name with verify-full', 'localhost', { mode: 'verify-full' }, true],
  ] as const) {
    it(what, async () => {
      const ca = 'mode' in tls && tls.mode.startsWith('verify') ? { ca: trusted.certificate } : {};

      assert.equal(await isEncrypted(encrypting, host, { ...tls, ...ca }), expected);
    });
  }

  it('checks the signature and the host name when only a certificate is configured', async () => {
    assert.equal(await isEncrypted(encrypting, 'localhost', { ca: trusted.certificate }), true);
    await assert.rejects(isEncrypted(encrypting, '127.0.0.1', { ca: trusted.certificate }), {
      kind: 'unauthorized',
    });
  });

  it('accepts several certificates, as needed while an authority is replaced', async () => {
    const ca = [other, trusted].map(({ certificate }) => certificate).join('\n');

    assert.equal(await isEncrypted(encrypting, 'localhost', { mode: 'verify-full', ca }), true);
  });

  for (const mode of ['verify-ca', 'verify-full', 'require']) {
    it(`refuses with ${mode} a server whose certificate another authority signed`, async () => {
      await assert.rejects(isEncrypted(encrypting, 'localhost', { mode, ca: other.certificate }), {
        kind: 'unauthorized',
        message: /^source database: .*certificate/,
        advice: /SOURCE_TLS_CA/,
      });
    });
  }

  it('refuses with verify-full a server whose certificate no trusted authority signed', async () => {
    await assert.rejects(isEncrypted(encrypting, 'localhost', { mode: 'verify-full' }), {
      kind: 'unauthorized',
      message: /certificate/,
    });
  });

  it('refuses with verify-full a server whose certificate names another host', async () => {
    const tls = { mode: 'verify-full', ca: trusted.certificate };

    await assert.rejects(isEncrypted(encrypting, '127.0.0.1', tls), {
      kind: 'unauthorized',
      message: /^source database: .*127\.0\.0\.1 is not in the cert's list/,
      advice: /the host name/,
    });
  });

  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    it(`refuses with ${mode} a server without TLS, and does not connect without encryption`, async () => {
      const ca = mode === 'require' ? {} : { ca: trusted.certificate };

      await assert.rejects(isEncrypted(plain, 'localhost', { mode, ...ca }), {
        kind: 'unauthorized',
        message: `source database: the server has no TLS, but SOURCE_TLS is ${mode}`,
        advice: /unencrypted/,
      });
    });
  }
});
