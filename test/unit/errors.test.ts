import assert from 'node:assert/strict';
import {
  ADVICE,
  adviceByHand,
  asDataHubError,
  DataHubError,
  DISPOSITION,
  type Disposition,
  dispositionOf,
  type ErrorKind,
  isNetworkError,
  isProgrammingError,
  RETRIED,
} from '../../shared/errors.ts';

const DISPOSITIONS: readonly Disposition[] = ['retry', 'halt', 'dead_letter', 'stop'];

describe('an error kind', () => {
  it('I8 always has a disposition and advice', () => {
    assert.deepEqual(Object.keys(ADVICE).toSorted(), Object.keys(DISPOSITION).toSorted());
    for (const disposition of Object.values(DISPOSITION)) assert.ok(DISPOSITIONS.includes(disposition));
    for (const advice of Object.values(ADVICE)) assert.match(advice, /^[A-Z].{15,}\.$/);
  });

  it('I8 halts the view if only a person can fix the cause, and causes a retry if it is temporary', () => {
    const disposed = (wanted: Disposition) =>
      (Object.keys(DISPOSITION) as ErrorKind[]).filter((kind) => DISPOSITION[kind] === wanted).toSorted();

    assert.deepEqual(disposed('retry'), [
      'batch_id_collision',
      'environment',
      'staging_lost',
      'transient',
      'unauthorized',
    ]);
    assert.deepEqual(disposed('dead_letter'), ['invalid_event']);
    assert.deepEqual(disposed('stop'), ['superseded']);
  });
});

describe('a DataHubError', () => {
  it('has the advice of its kind, unless it has its own', () => {
    assert.equal(new DataHubError('bad_data', 'x').advice, ADVICE.bad_data);
    assert.equal(new DataHubError('bad_data', 'x', { advice: 'Look at row 7.' }).advice, 'Look at row 7.');
  });

  it('keeps its message, advice, cause and own context when it gets more context', () => {
    const cause = new Error('socket closed');
    const error = new DataHubError('transient', 'lost', {
      context: { view: 'pmr_project', code: '08006' },
      advice: 'Wait.',
      cause,
    });

    const extended = error.withContext({ view: 'another', etlTransactionId: 7n });

    assert.deepEqual(extended.context, { view: 'pmr_project', etlTransactionId: 7n, code: '08006' });
    assert.deepEqual(
      [extended.kind, extended.message, extended.advice, extended.cause],
      ['transient', 'lost', 'Wait.', cause],
    );
    assert.equal(new DataHubError('bug', 'x').withContext({}).cause instanceof DataHubError, true);
  });

  it('is made from any unknown error, as a bug, which halts the view', () => {
    const thrown = new TypeError('x is not a function');

    const error = asDataHubError(thrown);

    assert.deepEqual(
      [error.kind, error.message, error.cause],
      ['bug', 'TypeError: x is not a function', thrown],
    );
    assert.equal(dispositionOf(error), 'halt');
    assert.equal(asDataHubError('just a text').message, 'just a text');
    assert.equal(asDataHubError(undefined).kind, 'bug');
  });

  it('keeps the place where it was made when it gets more context or other advice', () => {
    const error = new DataHubError('transient', 'lost');

    assert.equal(error.withContext({ view: 'pmr_project' }).stack, error.stack);
    assert.equal(error.withAdvice('Wait.').stack, error.stack);
  });

  it('promises a caller by hand nothing that only Pub/Sub does', () => {
    const advice = (own: string) => new DataHubError('transient', 'x', { advice: own });
    const denied = new DataHubError('unauthorized', 'x', { advice: `Grant it. ${RETRIED}` });

    assert.equal(
      adviceByHand(new DataHubError('transient', 'x'), 'operation'),
      'Nothing was changed. Call again.',
    );
    assert.equal(
      adviceByHand(advice(`${ADVICE.transient} If it lasts: wake up.`), 'operation'),
      'Nothing was changed. Call again. If it lasts: wake up.',
    );
    assert.match(adviceByHand(advice(ADVICE.transient), 'apply'), /^Call again: /);
    assert.equal(adviceByHand(advice('Wait.'), 'operation'), 'Wait.');
    assert.equal(adviceByHand(denied, 'operation'), 'Grant it. Then call again.');
    assert.equal(adviceByHand(denied, 'extract'), denied.advice, 'ticks go on');
    const bug = new DataHubError('bug', 'x');
    assert.equal(adviceByHand(bug, 'operation'), bug.advice);
  });

  it('stays the same object when it is converted again', () => {
    const error = new DataHubError('transient', 'x');

    assert.equal(asDataHubError(error), error);
  });
});

describe('the classification of errors', () => {
  it('recognizes a lost or refused connection by its code or by the failed system call', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE']) {
      assert.equal(isNetworkError(Object.assign(new Error('x'), { code })), true);
    }
    const noSocket = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'connect' });
    assert.equal(isNetworkError(noSocket), true);
    assert.equal(isNetworkError(new DOMException('x', 'TimeoutError')), true);
    for (const error of [new Error('x'), { code: 'ENOENT' }, { code: 14 }, undefined, null]) {
      assert.equal(isNetworkError(error), false);
    }
  });

  it('recognizes a programming error by its class, not by its message', () => {
    for (const error of [new TypeError(), new RangeError(), new ReferenceError(), new SyntaxError()]) {
      assert.equal(isProgrammingError(error), true);
    }
    assert.equal(isProgrammingError(new Error('TypeError: x is not a function')), false);
  });
});
