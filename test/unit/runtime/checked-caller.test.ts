import assert from 'node:assert/strict';
import { checkedCaller } from '../../../shared/runtime/checked-caller.ts';

const callerOf = (headers: Record<string, string>) => checkedCaller((name) => headers[name]);

const token = (claims: string) =>
  `Bearer eyJhbGciOiJSUzI1NiJ9.${Buffer.from(claims).toString('base64url')}.SIGNATURE_REMOVED_BY_GOOGLE`;
const EVA = token('{"email":"Eva@example.com","email_verified":true}');

describe('the caller of a function', () => {
  it('is the email in the token of the call', () => {
    assert.equal(callerOf({ authorization: EVA }), 'eva@example.com');
  });

  it('is the one in the token that Cloud Run checks first', () => {
    const headers = {
      'x-serverless-authorization': EVA,
      authorization: token('{"email":"forged@example.com","email_verified":true}'),
    };
    assert.equal(callerOf(headers), 'eva@example.com');
  });

  for (const authorization of [
    undefined,
    '',
    'Basic ZXZhOnNlY3JldA==',
    'Bearer abc',
    token('not JSON'),
    token('null'),
    `${EVA}, ${EVA}`,
    `${EVA}.x`,
    token('{"email":7,"email_verified":true}'),
    token('{"email":"eva@example.com"}'),
    token('{"email":"eva@example.com","email_verified":"true"}'),
    token('{"email":"two\\nlines","email_verified":true}'),
    token('{"sub":"1"}'),
  ]) {
    it(`is unknown: ${authorization}`, () => {
      assert.equal(callerOf(authorization === undefined ? {} : { authorization }), null);
    });
  }
});
