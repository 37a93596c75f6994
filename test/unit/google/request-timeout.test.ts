import assert from 'node:assert/strict';
import { addRequestTimeout, withRequestTimeout } from '../../../shared/google/request-timeout.ts';

type Callback = (error: Error | null, answer?: string) => void;

/** A client whose calls the test answers. */
function slowClient() {
  const waiting: Callback[] = [];
  const client = { request: (_options: object, callback: Callback) => void waiting.push(callback) };
  addRequestTimeout(client, 0.01);
  const call = () => {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    client.request({}, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    return promise;
  };
  return { call, waiting };
}

describe('the time-out of a request', () => {
  it('I8 makes a call without an answer fail as transient', async () => {
    const { call, waiting } = slowClient();

    await assert.rejects(call(), { kind: 'transient', message: 'no answer within 0.01 seconds' });

    assert.equal(waiting.length, 1);
  });

  it('passes on an answer in time, and ignores a late one', async () => {
    const { call, waiting } = slowClient();
    const answered = call();
    waiting[0]?.(null, 'in time');
    assert.equal(await answered, 'in time');

    const late = call();
    await assert.rejects(late, { kind: 'transient' });
    waiting[1]?.(null, 'late');
  });

  it('works the same way for a promise', async () => {
    assert.equal(await withRequestTimeout(60, Promise.resolve('in time')), 'in time');
    await assert.rejects(withRequestTimeout(0.01, new Promise(() => undefined)), { kind: 'transient' });
  });
});
