import assert from 'node:assert/strict';
import { everyInjection, sampleOf } from './injections.ts';
import { Lanes } from './lanes.ts';
import { Tally } from './tally.ts';

/** `npm run faults` injects all faults. */
const OF_EACH = 1;
/** The work takes some minutes on an idle machine. */
const TIMEOUT_MS = 30 * 60_000;

describe('I2 I4 I5 I8 a fault at any call of a function', function () {
  this.timeout(TIMEOUT_MS);
  const seed = process.env.SEED ?? String(Date.now());
  const tally = new Tally();
  let lanes: Lanes;
  let injected: number;

  before(async () => {
    console.log(`      SEED=${seed}`);
    lanes = new Lanes(3);
    const chosen = sampleOf(everyInjection(await lanes.record()), OF_EACH, seed);
    injected = chosen.length;
    await lanes.inject(chosen, (injection, verdict) => tally.add(injection, verdict));
    for (const line of tally.table()) console.log(`      ${line}`);
  });
  after(() => lanes.stop());

  it('is survived: the next ticks make source and target equal, with no duplicate rows, no unfinished work and correct batch records', () => {
    assert.deepEqual(tally.failures, []);
  });

  it('is injected where it was recorded, except in polls of a job and heartbeats, whose number may vary', () => {
    assert.ok(injected > 20, `only ${injected} faults were chosen`);
    assert.deepEqual(tally.notInjected, []);
  });
});
