import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { runTrial } from './trial.ts';

/** `npm run careless` runs more. */
const TRIALS = 3;

describe('a careless application, developer and operator', () => {
  const stack = useStack();
  const firstSeed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  let equal = 0;

  for (let n = 0; n < TRIALS; n += 1) {
    it(`I2 I8 leave each target equal, or its view says why it is not and can be repaired: SEED=${firstSeed + n}`, async () => {
      const { findings, history, ...trial } = await runTrial(stack, firstSeed + n);
      assert.deepEqual(findings, [], `after: ${history.join(', ')}`);
      equal += trial.equal;
    });
  }

  it('leave most targets equal: views that always halt prove nothing', () => {
    // Each trial judges two targets, and again after their repair.
    assert.ok(equal > TRIALS * 2, `only ${equal} were equal`);
  });
});
