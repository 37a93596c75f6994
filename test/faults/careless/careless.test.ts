import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { runTrial } from './trial.ts';

/** Set `TRIALS` for more. */
const TRIALS = Number(process.env.TRIALS ?? 6);

describe('a careless application, developer and operator', () => {
  const stack = useStack();

  it('I2 I8 leave each target equal, or its view says why it is not, and can be repaired', async function () {
    this.timeout(TRIALS * 300_000);
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    let equal = 0;
    for (let n = seed; n < seed + TRIALS; n += 1) {
      const trial = await runTrial(stack, n);
      console.log(`        SEED=${n} ${trial.equal} equal; ${trial.said.join('; ') || 'nothing said'}`);
      assert.deepEqual(trial.findings, [], `SEED=${n} TRIALS=1, after: ${trial.history.join(', ')}`);
      equal += trial.equal;
    }
    // Four targets are judged in a trial, two of them after a repair.
    assert.ok(equal >= TRIALS * 2 + 1, `only ${equal} equal targets: views that always halt prove nothing`);
  });
});
