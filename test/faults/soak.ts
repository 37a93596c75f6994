// `npm run soak -- [options]`: the torture test in its long form.
import { parseArgs } from 'node:util';
import { Stack } from '../support/stack.ts';
import { torture } from './torture/torture.ts';

const REPORT_INTERVAL_MS = 10_000;
/** Of each tick, to meet a call that fails, or connections that break. */
const FAULT_CHANCE = 0.03;

const USAGE = `Usage: npm run soak [-- options]

Writers and ticks of all views at once, on servers of its own, of which a call fails now and then; ends with one line of JSON, and 0 if nothing was lost,
duplicated or different.

  --transactions <n>  of all writers together (default 100000, or no limit with --minutes)
  --minutes <n>       ends the writers after so long
  --writers <n>       connections that write at once, at most 40 (default 24)
  --seed <n>          what the writers do (default: another each time)`;

function usage(fault: string): never {
  console.error(`${fault}\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        transactions: { type: 'string' },
        minutes: { type: 'string' },
        writers: { type: 'string', default: '24' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      },
    }).values;
  } catch (error) {
    return usage((error as Error).message);
  }
}

function wholeNumber(name: string, text: string, most: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > most)
    usage(`--${name} takes a whole number from 1 to ${most}, not ${text}`);
  return Number(text);
}

const given = readArguments();
const seed = wholeNumber('seed', given.seed, 999_999_999);
const writers = wholeNumber('writers', given.writers, 40);
const minutes = given.minutes === undefined ? undefined : wholeNumber('minutes', given.minutes, 10_000);
const fallback = minutes === undefined ? '100000' : '999999999';
const transactions = wholeNumber('transactions', given.transactions ?? fallback, 999_999_999);

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
// The functions' clients keep connections that nobody closes in a function.
process.exit(findings.length === 0 ? 0 : 1);
