import assert from 'node:assert/strict';
import {
  ADVICE,
  asDataHubError,
  DataHubError,
  DISPOSITION,
  type Disposition,
  dispositionOf,
  type ErrorKind,
  isNetworkError,
  isProgrammingError,
} from '../../shared/errors.ts';

const DISPOSITIONS: readonly Disposition[] = ['retry', 'halt', 'dead_letter', 'stop'];

describe('a kind of error', () => {
  it('I8 has a disposition and advice, every one', () => {
    assert.deepEqual(Object.keys(ADVICE).toSorted(), Object.keys(DISPOSITION).toSorted());
    for (const disposition of Object.values(DISPOSITION)) assert.ok(DISPOSITIONS.includes(disposition));
    for (const advice of Object.values(ADVICE)) assert.match(advice, /^[A-Z].{15,}\.$/);
  });

  it('I8 that only a person can mend stops the view; what passes is tried again', () => {
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
  it('carries the advice of its kind, unless it knows better', () => {
    assert.equal(new DataHubError('bad_data', 'x').advice, ADVICE.bad_data);
    assert.equal(new DataHubError('bad_data', 'x', { advice: 'Look at row 7.' }).advice, 'Look at row 7.');
  });

  it('told with where it happened keeps its own words, cause and closer context', () => {
    const cause = new Error('socket closed');
    const error = new DataHubError('transient', 'lost', {
      context: { view: 'pmr_project', code: '08006' },
      advice: 'Wait.',
      cause,
    });

    const told = error.withContext({ view: 'another', etlTransactionId: 7n });

    assert.deepEqual(told.context, { view: 'pmr_project', etlTransactionId: 7n, code: '08006' });
    assert.deepEqual(
      [told.kind, told.message, told.advice, told.cause],
      ['transient', 'lost', 'Wait.', cause],
    );
    assert.equal(new DataHubError('bug', 'x').withContext({}).cause instanceof DataHubError, true);
  });

  it('is what anything unknown becomes: a bug, which halts', () => {
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

  it('passes through unchanged', () => {
    const error = new DataHubError('transient', 'x');

    assert.equal(asDataHubError(error), error);
  });
});

describe('telling errors apart', () => {
  it('knows a lost or refused connection by its code, or by the system call that failed', () => {
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

  it('knows a programming error by its class, not by its text', () => {
    for (const error of [new TypeError(), new RangeError(), new ReferenceError(), new SyntaxError()]) {
      assert.equal(isProgrammingError(error), true);
    }
    assert.equal(isProgrammingError(new Error('TypeError: x is not a function')), false);
  });
});
