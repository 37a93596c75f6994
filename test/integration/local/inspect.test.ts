import assert from 'node:assert/strict';
import { FUNCTIONS, startFunction } from '../../local/functions.ts';

describe('npm start -- --inspect', () => {
  it('lets a debugger attach to each function, on another port if the preferred one is taken', async () => {
    const start = () =>
      startFunction(FUNCTIONS[0], {
        env: process.env,
        anyPort: true,
        inspect: true,
        onLine: () => undefined,
      });
    const [first, second] = [await start(), await start()];
    try {
      for (const { inspectorUrl } of [first, second]) {
        assert.ok(inspectorUrl, 'no debugger can attach');
        const answer = await fetch(`${inspectorUrl.replace(/^ws:(.*)\/[^/]+$/, 'http:$1')}/json/list`);
        assert.partialDeepStrictEqual(await answer.json(), [
          { type: 'node', webSocketDebuggerUrl: inspectorUrl },
        ]);
      }
      assert.notEqual(first.inspectorUrl, second.inspectorUrl);
    } finally {
      await Promise.all([first.process.stop(), second.process.stop()]);
    }
  });
});
