import assert from 'node:assert/strict';
import { ADVICE, RETRIED } from '../../../shared/errors.ts';
import { connectionError } from '../../../shared/postgres/connection-error.ts';

const URL_OF_SOURCE = 'postgresql://Reader%22:hunter2@db.example:5432/smart%20app';

const refusal = (code: string, routine?: string) => {
  const thrown = Object.assign(new Error('refused'), { code, routine });
  const { kind, advice } = connectionError(thrown, 'source', URL_OF_SOURCE);
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

  it('stays that of any other cause', () => {
    assert.match(refusal('3D000'), /^configuration: Correct the name of the database/);
    assert.match(refusal('DEPTH_ZERO_SELF_SIGNED_CERT'), /^unauthorized: Compare the server's certificate/);
  });
});
