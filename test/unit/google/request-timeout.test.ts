import assert from 'node:assert/strict';
import { addRequestTimeout, withRequestTimeout } from '../../../shared/google/request-timeout.ts';

type Callback = (error: Error | null, answer?: string) => void;

/** A client whose calls are answered when the test says so. */
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

describe('the time that an answer may take', () => {
  it('I8 ends a call that is not answered as something that may pass', async () => {
    const { call, waiting } = slowClient();

    await assert.rejects(call(), { kind: 'transient', message: 'no answer within 0.01 seconds' });

    assert.equal(waiting.length, 1);
  });

  it('hands an answer on, and ignores one that comes too late', async () => {
    const { call, waiting } = slowClient();
    const answered = call();
    waiting[0]?.(null, 'in time');
    assert.equal(await answered, 'in time');

    const late = call();
    await assert.rejects(late, { kind: 'transient' });
    waiting[1]?.(null, 'late');
  });

  it('is the same for a promise', async () => {
    assert.equal(await withRequestTimeout(60, Promise.resolve('in time')), 'in time');
    await assert.rejects(withRequestTimeout(0.01, new Promise(() => undefined)), { kind: 'transient' });
  });
});
