import assert from 'node:assert/strict';
import { once } from '../../shared/once.ts';

describe('once', () => {
  it('makes one value for all callers, including those that call while it is being made', async () => {
    let made = 0;
    const get = once(async () => ({ number: ++made }));

    const [first, second] = await Promise.all([get(), get()]);

    assert.equal(first, second);
    assert.equal((await get()).number, 1);
  });

  it('forgets a failure, so that the next call retries', async () => {
    let calls = 0;
    const get = once(async () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return calls;
    });

    await assert.rejects(get(), { message: 'not yet' });
    assert.equal(await get(), 2);
  });
});
