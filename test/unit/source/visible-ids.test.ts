import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const IDS = 2_000_000;
const RANGES = IDS / 2;

describe('the visible ids of the log', () => {
  it('take about as much memory as their text, however many are missing', async function () {
    this.timeout(60_000);
    // The text has 16 MB.
    const worker = new Worker(new URL('read-many-ids.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    worker.postMessage(IDS);
    const [text] = (await once(worker, 'message')) as [string];
    assert.equal(text.match(/\[/g)?.length, RANGES);
    assert.match(text, /^\{\[1,2\),\[3,4\),.*,\[1999999,2000000\)\}$/);
  });
});
