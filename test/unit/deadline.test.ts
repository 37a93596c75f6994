import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import { Deadline, DeadlineExceeded, systemClock } from '../../shared/deadline.ts';
import { DataHubError } from '../../shared/errors.ts';

describe('a deadline', () => {
  it('ends before the time limit, by a reserve, according to the given clock', () => {
    let nowMs = 1000;
    using deadline = new Deadline({ nowMs: () => nowMs }, 100);

    assert.equal(deadline.remainingMs(), 90_000);
    assert.equal(deadline.isNear(), false);
    nowMs += 80_000;
    assert.deepEqual([deadline.remainingMs(), deadline.isNear()], [10_000, true]);
    nowMs += 10_001;
    assert.deepEqual([deadline.remainingMs(), deadline.signal.aborted], [0, false]);
  });

  it('keeps a reserve of at most 30 seconds', () => {
    using deadline = new Deadline({ nowMs: () => 0 }, 540);

    assert.equal(deadline.remainingMs(), 510_000);
  });

  it('aborts its signal at the time limit', async () => {
    using deadline = new Deadline(systemClock, 0.02);

    while (!deadline.signal.aborted) await elapse(5);

    assert.ok(deadline.signal.reason instanceof DeadlineExceeded);
    assert.equal(deadline.signal.reason.kind, 'transient');
  });

  it('stops work that is still running when the time is up, whatever error the work throws', async () => {
    using deadline = new Deadline(systemClock, 60);
    let nowMs = 0;
    using ended = new Deadline({ nowMs: () => nowMs }, 60);
    nowMs = 60_000;
    const rethrow = (signal: AbortSignal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const throwAnother = (signal: AbortSignal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('broken pipe'))));

    for (const work of [rethrow, throwAnother]) {
      await assert.rejects(ended.enforce('the copy', work), {
        name: 'DataHubError',
        kind: 'transient',
        message: 'the copy did not end within the time limit',
      });
    }
    assert.equal(await deadline.enforce('the copy', async () => 'done'), 'done');
  });

  it('throws the reason of an abort', async () => {
    using deadline = new Deadline(systemClock, 60);
    const reason = new Error('the lease is lost');
    const stopped = deadline.enforce(
      'the copy',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );

    deadline.abort(reason);

    await assert.rejects(stopped, reason);
    assert.equal(deadline.signal.reason, reason);
  });

  it('starts no work after an abort', async () => {
    using deadline = new Deadline(systemClock, 60);
    const reason = new Error('the lease is lost');
    deadline.abort(reason);
    let isStarted = false;

    await assert.rejects(
      deadline.enforce('the copy', async () => {
        isStarted = true;
      }),
      reason,
    );

    assert.equal(isStarted, false);
  });

  it('keeps an error that needs a person, even when the time is up', async () => {
    using deadline = new Deadline(systemClock, 0.02);
    const badData = new DataHubError('bad_data', 'key 7 has an infinite date');

    await assert.rejects(
      deadline.enforce('the copy', async (signal) => {
        await once(signal, 'abort');
        throw badData;
      }),
      badData,
    );
  });

  it('does not change an error of the work', async () => {
    using deadline = new Deadline(systemClock, 60);

    await assert.rejects(
      deadline.enforce('the copy', () => Promise.reject(new TypeError('a bug'))),
      TypeError,
    );
  });
});
