import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
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
    const faults = new Faults();
    let effects = 0;
    let server: Server;
    let url: string;

    before(async () => {
      const app = express();
      app.use(faults.middleware((request) => (request.method === 'POST' ? 'add' : undefined)));
      app.post('/', (_request, response) => {
        effects++;
        response.status(201).setHeader('x-effect', 'visible').json({ effects });
      });
      app.get('/', (_request, response) => {
        response.json({ effects });
      });
      server = createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });
    beforeEach(() => {
      faults.clear();
      effects = 0;
    });

    const add = () => fetch(url, { method: 'POST' });

    it('answer in the JSON shape of Google before anything happened', async () => {
      faults.next('add', failBefore(503));

      const response = await add();

      assert.equal(response.status, 503);
      assert.partialDeepStrictEqual(await response.json(), {
        error: { code: 503, errors: [{ reason: 'backendError' }] },
      });
      assert.equal(effects, 0);
    });

    it('replace status, headers and body once the effect is complete', async () => {
      faults.next('add', failAfterEffect(429, 'quotaExceeded'));

      const response = await add();

      assert.equal(response.status, 429);
      assert.equal(response.headers.get('x-effect'), null);
      assert.partialDeepStrictEqual(await response.json(), {
        error: { errors: [{ reason: 'quotaExceeded' }] },
      });
      assert.equal(effects, 1);
    });

    it('drop the connection before or after the effect', async () => {
      faults.next('add', dropBefore(), dropAfterEffect());

      await assert.rejects(add());
      assert.equal(effects, 0);
      await assert.rejects(add());
      assert.equal(effects, 1);
    });

    it('leave requests without a name alone and unrecorded', async () => {
      faults.next('add', delay(1));

      assert.deepEqual(await (await fetch(url)).json(), { effects: 0 });
      assert.equal((await add()).status, 201);

      assert.deepEqual(faults.calls, ['add']);
    });
  });
});

function isStatus(error: FaultError, status: string): boolean {
  return error.answer.kind === 'status' && error.answer.status === status;
}
