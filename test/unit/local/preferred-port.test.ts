import assert from 'node:assert/strict';
import { onPreferredPort } from '../../local/preferred-port.ts';

describe('a preferred port', () => {
  const taken = {
    Node: Object.assign(new Error('listen'), { code: 'EADDRINUSE' }),
    gRPC: new Error(
      'No address added out of total 1 resolved errors: [listen EADDRINUSE: address already in use]',
    ),
    PostgreSQL: new Error('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'),
    'a wrapped error': new Error('cannot start', {
      cause: Object.assign(new Error('x'), { code: 'EADDRINUSE' }),
    }),
  };
  for (const [reporter, error] of Object.entries(taken)) {
    it(`is replaced by a free one if it is taken, as ${reporter} reports it`, async () => {
      const start = async (port: number) => {
        if (port === 8081) throw error;
        return port;
      };

      assert.equal(await onPreferredPort(8081, start), 0);
    });
  }

  it('is not replaced after any other error', async () => {
    const failed = new Error('no such folder');

    await assert.rejects(
      onPreferredPort(8081, () => Promise.reject(failed)),
      failed,
    );
  });
});
