import assert from 'node:assert/strict';
import { ADMIN, FUNCTIONS, startFunction } from '../../local/functions.ts';

describe('npm start -- --inspect', () => {
  it('lets a debugger attach to each function, on another port if the preferred one is taken', async () => {
    const start = (entry: typeof ADMIN | (typeof FUNCTIONS)[0] = FUNCTIONS[0]) =>
      startFunction(entry, {
        env: process.env,
        anyPort: true,
        inspect: true,
        onLine: () => undefined,
      });
    const [first, second, admin] = [await start(), await start(), await start(ADMIN)];
    try {
      for (const { inspectorUrl } of [first, second, admin]) {
        assert.ok(inspectorUrl, 'no debugger can attach');
        const answer = await fetch(`${inspectorUrl.replace(/^ws:(.*)\/[^/]+$/, 'http:$1')}/json/list`);
        assert.partialDeepStrictEqual(await answer.json(), [
          { type: 'node', webSocketDebuggerUrl: inspectorUrl },
        ]);
      }
      assert.notEqual(first.inspectorUrl, second.inspectorUrl);
    } finally {
      await Promise.all([first, second, admin].map((each) => each.process.stop()));
    }
  });
});
