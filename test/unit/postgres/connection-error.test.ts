import assert from 'node:assert/strict';
import { ADVICE, RETRIED } from '../../../shared/errors.ts';
import { connectionError } from '../../../shared/postgres/connection-error.ts';

const URL_OF_SOURCE = 'postgresql://Reader%22:hunter2@db.example:5432/smart%20app';

const refusal = (code: string, routine?: string, url = URL_OF_SOURCE) => {
  const thrown = Object.assign(new Error('refused'), { code, routine });
  const { kind, advice } = connectionError(thrown, 'source', url);
  return `${kind}: ${advice}`;
};

describe('the advice of a connection that was refused', () => {
  it('is the statement that lifts a limit of connections, of the role or of the database', () => {
    assert.equal(
      refusal('53300', 'InitializeSessionUserId'),
      `transient: ${ADVICE.transient} If it lasts: run as a superuser of the server: alter role "Reader""" connection limit -1;`,
    );
    assert.match(refusal('53300', 'CheckMyDatabase'), /alter database "smart app" connection limit -1;$/);
    assert.match(refusal('53300', 'InitProcess'), /If it lasts: end sessions .* SOURCE_CONNECTIONS/);
  });

  it('tells a wrong password from a role that may not log in, and from pg_hba.conf', () => {
    assert.match(
      refusal('28P01'),
      /^unauthorized: Give role "Reader""" the password of SOURCE_DATABASE_URL again/,
    );
    assert.match(refusal('28000', 'InitializeSessionUserId'), /alter role "Reader""" login; /);
    assert.match(refusal('28000', 'ClientAuthentication'), /pg_hba\.conf/);
    for (const code of ['28P01', '28000']) assert.ok(refusal(code).endsWith(RETRIED));
  });

  it('tells a host that does not exist from a server that does not answer', () => {
    assert.match(
      refusal('ENOTFOUND'),
      /^transient: No name server knows the host: correct it in SOURCE_DATABASE_URL/,
    );
    for (const code of ['EAI_AGAIN', 'ECONNREFUSED', 'ETIMEDOUT', '57P03']) {
      assert.match(
        refusal(code),
        /^transient: Nothing to do: it will be retried\. If it lasts: start the server, /,
      );
    }
  });

  it('is the grant for a role that may not connect, and the statement for a database that accepts nobody', () => {
    assert.match(
      refusal('42501', 'CheckMyDatabase'),
      /^unauthorized: Run as a superuser of the server: grant connect on database "smart app" to "Reader""";/,
    );
    assert.match(
      refusal('55000', 'CheckMyDatabase'),
      /^transient: Nothing to do: .* If it lasts: run as .*: alter database "smart app" allow_connections true;$/,
    );
  });

  it('names role and database as far as the URL tells', () => {
    const url = 'postgresql://db.example?user=reader&dbname=app';
    assert.match(refusal('28000', 'InitializeSessionUserId', url), /alter role "reader" login; /);
    assert.match(refusal('53300', 'CheckMyDatabase', url), /alter database "app" /);
    assert.match(
      refusal('28P01', undefined, 'postgresql://50%:x@db.example/app'),
      /Give role "50%" the password/,
    );
    assert.match(refusal('28P01', undefined, 'not a URL'), /Give role of the URL the password/);
  });

  it('stays that of any other cause', () => {
    assert.match(refusal('3D000'), /^configuration: Correct the name of the database/);
    assert.match(refusal('DEPTH_ZERO_SELF_SIGNED_CERT'), /^unauthorized: Compare the server's certificate/);
  });
});
