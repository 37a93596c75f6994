import assert from 'node:assert/strict';
import { onClosedOutput } from '../../support/closed-output.ts';

describe('output that nobody reads any more', () => {
  for (const code of ['EPIPE', 'EIO']) {
    it(`ends the command instead of throwing: ${code}`, () => {
      const before = process.stdout.listeners('error');
      let ends = 0;
      onClosedOutput(() => {
        ends += 1;
      });
      try {
        process.stdout.emit('error', Object.assign(new Error('write'), { code }));
        assert.equal(ends, 1);
        const other = Object.assign(new Error('write'), { code: 'ENOSPC' });
        assert.throws(() => process.stdout.emit('error', other), other);
      } finally {
        for (const stream of [process.stdout, process.stderr]) {
          for (const listener of stream.listeners('error')) {
            if (!before.includes(listener)) stream.off('error', listener as () => void);
          }
        }
      }
    });
  }
});
