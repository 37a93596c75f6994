import assert from 'node:assert/strict';
import {
  delay,
  dropAfterEffect,
  dropBefore,
  FaultError,
  Faults,
  failAfterEffect,
  failBefore,
  hold,
  inOrder,
  pass,
} from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

describe('scripted faults', () => {
  describe('around a call', () => {
    it('let calls without a script through and remember their names in order', async () => {
      const faults = new Faults();

      assert.equal(await faults.around('first', () => 1), 1);
      assert.equal(await faults.around('second', async () => 2), 2);

      assert.deepEqual(faults.calls, ['first', 'second']);
    });

    it('fail before the effect: nothing happens', async () => {
      const faults = new Faults();
      let effects = 0;
      faults.next('append', failBefore('UNAVAILABLE'));

      await assert.rejects(
        faults.around('append', () => effects++),
        (error) => error instanceof FaultError && isStatus(error, 'UNAVAILABLE'),
      );

      assert.equal(effects, 0);
    });

    it('fail after the effect: it happened, and its answer is lost', async () => {
      const faults = new Faults();
      let effects = 0;
      faults.next('append', failAfterEffect('UNAVAILABLE'));

      await assert.rejects(
        faults.around('append', () => ++effects),
        FaultError,
      );

      assert.equal(effects, 1);
    });

    it('replace a failure of the call itself as well', async () => {
      const faults = new Faults();
      faults.next('append', failAfterEffect('INTERNAL'));

      await assert.rejects(
        faults.around('append', () => Promise.reject(new Error('own failure'))),
        FaultError,
      );
    });

    it('are used up in order, each by one call of its name', async () => {
      const faults = new Faults();
      faults.next('append', pass(), failBefore('ABORTED'));
      faults.next('other', failBefore('INTERNAL'));

      assert.equal(await faults.around('append', () => 'first'), 'first');
      await assert.rejects(
        faults.around('append', () => 'second'),
        FaultError,
      );
      assert.equal(await faults.around('append', () => 'third'), 'third');

      assert.deepEqual(faults.unused, ['other']);
      faults.clear();
      assert.deepEqual([faults.unused, faults.calls], [[], []]);
    });

    it('hold a call until it is released', async () => {
      const faults = new Faults();
      const held = hold();
      let effects = 0;
      faults.next('append', held);

      const call = faults.around('append', () => ++effects);
      await held.reached;
      assert.equal(effects, 0);
      held.release();

      assert.equal(await call, 1);
    });

    it('combine in order: a call is held, has its effect and loses its answer', async () => {
      const faults = new Faults();
      const held = hold();
      let effects = 0;
      faults.next('append', inOrder(delay(1), held, failAfterEffect('UNAVAILABLE')));

      const call = faults.around('append', () => ++effects);
      await held.reached;
      held.release();

      await assert.rejects(call, FaultError);
      assert.equal(effects, 1);
    });
  });

  describe('in an HTTP server', () => {
    const CALL = 'storage.buckets.insert';
    let standIn: StorageStandIn;
    let count = 0;

    before(async () => {
      standIn = await startStorage();
    });
    after(() => standIn.close());
    beforeEach(() => {
      standIn.faults.clear();
      count++;
    });

    const add = () =>
      fetch(`${standIn.url}/storage/v1/b`, {
        method: 'POST',
        body: JSON.stringify({ name: `bucket-${count}` }),
      });
    const isAdded = async () => (await fetch(`${standIn.url}/storage/v1/b/bucket-${count}`)).ok;

    it('answer in the JSON shape of Google before anything happened', async () => {
      standIn.faults.next(CALL, failBefore(503));

      const response = await add();

      assert.equal(response.status, 503);
      assert.partialDeepStrictEqual(await response.json(), {
        error: { code: 503, errors: [{ reason: 'backendError' }] },
      });
      assert.equal(await isAdded(), false);
    });

    it('replace status, headers and body once the effect is complete', async () => {
      await add();
      await fetch(`${standIn.url}/upload/storage/v1/b/bucket-${count}/o?uploadType=multipart&name=x`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/related; boundary=b' },
        body: '--b\r\n\r\n{}\r\n--b\r\n\r\ncontent\r\n--b--',
      });
      const read = () => fetch(`${standIn.url}/storage/v1/b/bucket-${count}/o/x?alt=media`);
      standIn.faults.next('storage.objects.download', pass(), failAfterEffect(429, 'quotaExceeded'));

      const [untouched, failed] = [await read(), await read()];

      assert.equal(untouched.headers.get('x-goog-generation')?.length, 16);
      assert.equal(failed.status, 429);
      assert.equal(failed.headers.get('x-goog-generation'), null);
      assert.partialDeepStrictEqual(await failed.json(), {
        error: { errors: [{ reason: 'quotaExceeded' }] },
      });
    });

    it('drop the connection before or after the effect', async () => {
      standIn.faults.next(CALL, dropBefore(), dropAfterEffect());

      await assert.rejects(add());
      assert.equal(await isAdded(), false);
      await assert.rejects(add());
      assert.equal(await isAdded(), true);
    });

    it('leave requests without a name alone and unrecorded', async () => {
      standIn.faults.next(CALL, delay(1));

      assert.equal((await fetch(`${standIn.url}/storage/v1/nothing`, { method: 'POST' })).status, 404);
      assert.equal((await add()).status, 200);

      assert.deepEqual(standIn.faults.calls, [CALL]);
    });
  });
});

function isStatus(error: FaultError, status: string): boolean {
  return error.answer.kind === 'status' && error.answer.status === status;
}
