// `npm run careless -- [options]`: see `runTrial`.
import { createOptions } from '../../support/script-options.ts';

const USAGE = `Usage: npm run careless [-- options]

Lets a careless application, developer and operator work on installations of their own, and then asks each view how it is. The exit code is 0 if
every view either equals its target or says why it does not, and if an operator could repair it.

  --trials <n>  how many (default 50)
  --seed <n>    of the first trial; each one after it has the next (default: random)
  --help, -h    print this text`;

const { read, wholeNumber } = createOptions(USAGE);
const options = read({
  trials: { type: 'string', default: '50' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
});
const trials = wholeNumber('trials', options.trials, 100_000);
const firstSeed = wholeNumber('seed', options.seed, 999_999_999);

// Imported only now, so that --help answers at once.
const { Stack } = await import('../../support/stack.ts');
const { runTrial } = await import('./trial.ts');

const stack = await new Stack().start();
let equal = 0;
let wrong = 0;
for (let seed = firstSeed; seed < firstSeed + trials; seed += 1) {
  const { findings, said, history, ...trial } = await runTrial(stack, seed);
  console.log(`seed ${seed}: ${trial.equal} targets equal${said.map((why) => `; ${why}`).join('')}`);
  if (findings.length > 0) console.log([...findings, `after: ${history.join(', ')}`].join('\n'));
  equal += trial.equal;
  wrong += findings.length > 0 ? 1 : 0;
}
await stack.stop();
console.log(JSON.stringify({ trials, seed: firstSeed, equal, wrong }));
// Each trial judges two targets, and again after their repair. Views that always halt would prove nothing.
process.exit(wrong === 0 && equal > trials * 2 ? 0 : 1);
