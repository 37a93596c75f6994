// `npm run soak -- [options]`: the long form of the torture test.
import { createOptions } from '../support/script-options.ts';

const REPORT_INTERVAL_MS = 10_000;
/** The probability, per tick, of a failing call or broken connections. */
const FAULT_CHANCE = 0.03;

const USAGE = `Usage: npm run soak [-- options]

Runs concurrent writers and ticks of all views on its own servers, and makes calls fail at random. The last line is JSON. The exit code is 0 if no
log row was lost or duplicated, and source and target are equal.

  --transactions <n>  in total, over all writers (default 100000; no limit with --minutes)
  --minutes <n>       stop the writers after this time
  --writers <n>       concurrent writers, at most 40 (default 24)
  --seed <n>          makes the writers repeat what they did with the same seed (default: random)
  --help, -h          print this text`;

const { read, wholeNumber } = createOptions(USAGE);
const options = read({
  transactions: { type: 'string' },
  minutes: { type: 'string' },
  writers: { type: 'string', default: '24' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
});
const seed = wholeNumber('seed', options.seed, 999_999_999);
const writers = wholeNumber('writers', options.writers, 40);
const minutes = options.minutes === undefined ? undefined : wholeNumber('minutes', options.minutes, 10_000);
const fallback = minutes === undefined ? '100000' : '999999999';
const transactions = wholeNumber('transactions', options.transactions ?? fallback, 999_999_999);

// Imported only now, so that --help answers at once.
const { Stack } = await import('../support/stack.ts');
const { torture } = await import('./torture/torture.ts');

console.log(`seed ${seed}`);
let reportedMs = performance.now();
const stack = await new Stack().start();
const { findings, ...figures } = await torture(stack, {
  seed,
  writers,
  transactions,
  faultChance: FAULT_CHANCE,
  ...(minutes !== undefined && { minutes }),
  report: (line) => {
    if (performance.now() - reportedMs < REPORT_INTERVAL_MS) return;
    reportedMs = performance.now();
    console.log(line);
  },
});
await stack.stop();
for (const finding of findings) console.log(finding);
console.log(JSON.stringify(figures));
// The clients of the functions never close their connections, so the process would not end by itself.
process.exit(findings.length === 0 ? 0 : 1);
