// `npm run careless -- [options]`: see `runTrial`.
import { parseArgs } from 'node:util';
import { Stack } from '../../support/stack.ts';
import { runTrial } from './trial.ts';

const USAGE = `Usage: npm run careless [-- options]

Lets a careless application, developer and operator work on installations of their own, and then asks each view how it is. The exit code is 0 if
every view either equals its target or says why it does not, and if an operator could repair it.

  --trials <n>  how many (default 50)
  --seed <n>    of the first trial; each one after it has the next (default: random)`;

function exitWithUsage(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        trials: { type: 'string', default: '50' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      },
    }).values;
  } catch (error) {
    return exitWithUsage((error as Error).message);
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) exitWithUsage(`--${name} must be a whole number from 1, not ${text}`);
  return Number(text);
}

const options = readArguments();
const trials = wholeNumber('trials', options.trials);
const firstSeed = wholeNumber('seed', options.seed);

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
