import assert from 'node:assert/strict';
import { ADVICE, DataHubError } from '../../../shared/errors.ts';
import { codeOf, fromGoogle, kindOfJobError } from '../../../shared/google/google-errors.ts';
import { NoAnswer } from '../../../shared/google/no-answer.ts';

/** An error as the REST clients throw it. */
const apiError = (code: number, reason?: string) =>
  Object.assign(new Error('what Google said'), {
    code,
    ...(reason === undefined ? {} : { errors: [{ reason, message: 'what Google said' }] }),
  });

describe('an error of a Google client', () => {
  for (const [what, thrown, kind] of [
    ['a rate limit', apiError(403, 'rateLimitExceeded'), 'transient'],
    ['a used-up quota', apiError(403, 'quotaExceeded'), 'transient'],
    ['a missing permission', apiError(403, 'accessDenied'), 'unauthorized'],
    ['a missing permission without a reason', apiError(403), 'unauthorized'],
    ['expired credentials', apiError(401, 'authError'), 'unauthorized'],
    ['a table that does not exist', apiError(404, 'notFound'), 'configuration'],
    ['an object that already exists, which the caller must handle', apiError(412, 'conditionNotMet'), 'bug'],
    ['too many requests', apiError(429), 'transient'],
    ['another request that changes the same object', apiError(409), 'transient'],
    ['a server error', apiError(500, 'backendError'), 'transient'],
    ['an unknown server error', apiError(599), 'transient'],
    ['a status as text', Object.assign(new Error('x'), { code: '503' }), 'transient'],
    ['UNAVAILABLE', apiError(14), 'transient'],
    ['NOT_FOUND', apiError(5), 'configuration'],
    ['PERMISSION_DENIED', apiError(7), 'unauthorized'],
    ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'transient'],
    ['an invalid request', apiError(400, 'invalid'), 'warehouse'],
    ['INVALID_ARGUMENT', apiError(3), 'warehouse'],
    ['FAILED_PRECONDITION', apiError(9), 'warehouse'],
    ['UNKNOWN', apiError(2), 'transient'],
    ['ALREADY_EXISTS, which the caller must handle', apiError(6), 'bug'],
    ['an error before the service answered', new Error('x'), 'transient'],
    ['a truncated body', new SyntaxError('x'), 'transient'],
    ['a reason named like a property of every object', apiError(400, 'constructor'), 'warehouse'],
    ['a bug of this project', new TypeError('x is not a function'), 'bug'],
  ] as const) {
    it(`is ${kind} for ${what}`, () => {
      assert.equal(fromGoogle(thrown, 'load job x').kind, kind);
    });
  }

  it("names the operation, Google's message, and the context", () => {
    const error = fromGoogle(apiError(404, 'notFound'), 'table p.d.t', { view: 'pmr_project' });

    assert.equal(error.message, 'table p.d.t: what Google said');
    assert.deepEqual(error.context, { view: 'pmr_project', code: 'notFound' });
  });

  it('names the operation and the context of a call without an answer, too', () => {
    const error = fromGoogle(new NoAnswer('60 seconds'), 'load job x', { view: 'pmr_project' });

    assert.equal(error.message, 'load job x: no answer within 60 seconds');
    assert.deepEqual([error.kind, error.context], ['transient', { view: 'pmr_project' }]);
    assert.equal(fromGoogle(error, 'somebody else'), error);
  });

  it('is returned unchanged when it is already classified', () => {
    const error = new DataHubError('superseded', 'x');

    assert.equal(fromGoogle(error, 'load job x'), error);
  });

  it('has advice by its reason, or else by its code', () => {
    const advice = (error: Error) => fromGoogle(error, 'x').advice;

    for (const error of [apiError(403, 'forbidden'), apiError(7)]) {
      assert.match(advice(error), /^Give the service account of the function the role/);
    }
    assert.match(advice(apiError(401, 'authError')), /^Check the credentials/);
    assert.match(advice(apiError(403, 'billingNotEnabled')), /billing account/);
    assert.equal(advice(apiError(403, 'rateLimitExceeded')), ADVICE.transient, 'not that of a missing right');
    assert.match(
      advice(apiError(403, 'quotaExceeded')),
      /^Nothing to do: it will be retried\. If it lasts: raise the quota/,
    );
  });

  it('has the same code whichever field holds it', () => {
    assert.equal(codeOf({ code: 503 }), 503);
    assert.equal(codeOf({ status: 503 }), 503);
    assert.equal(codeOf({ code: '412' }), 412);
    assert.equal(codeOf({ code: 'ECONNRESET' }), 'ECONNRESET');
    for (const nothing of [undefined, null, {}, 'text', { code: {} }])
      assert.equal(codeOf(nothing), undefined);
  });
});

describe('the advice for an error of Google', () => {
  it('is about its own cause, not only about its kind', () => {
    const advice = [
      apiError(401),
      apiError(403, 'accessDenied'),
      apiError(404, 'notFound'),
      apiError(400, 'resourcesExceeded'),
    ].map((error) => fromGoogle(error, 'x').advice);

    assert.equal(new Set(advice).size, advice.length);
    for (const each of advice) assert.ok(!Object.values(ADVICE).includes(each), each);
  });
});

describe('a failed BigQuery job', () => {
  it('is transient for reasons that may pass, and permanent otherwise', () => {
    for (const reason of ['backendError', 'internalError', 'rateLimitExceeded', 'quotaExceeded', 'stopped']) {
      assert.equal(kindOfJobError(reason), 'transient');
    }
    assert.equal(kindOfJobError('accessDenied'), 'unauthorized');
    for (const reason of ['invalid', 'invalidQuery', 'notFound', 'resourcesExceeded', undefined]) {
      assert.equal(kindOfJobError(reason), 'warehouse');
    }
  });
});
