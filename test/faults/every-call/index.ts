import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { describeInjection, everyInjection, sampleOf } from './injections.ts';
import { Lanes } from './lanes.ts';
import { Tally } from './tally.ts';

// Injects every fault into every call of every function, and prints how many the functions survived; the last line is JSON.
// Options: --only TEXT selects the faults whose description contains the text, --of-each N takes a sample, --seed TEXT chooses
// it, --lanes N sets how many run at a time. The exit code is 1 when a function did not survive a fault, when a fault could not
// be injected (polls of a job excepted), or when there was no fault to inject.

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    'of-each': { type: 'string', default: '1000000' },
    seed: { type: 'string', default: 'faults' },
    lanes: { type: 'string', default: String(availableParallelism() + 1) },
  },
});

const startedMs = Date.now();
const lanes = new Lanes(Number(values.lanes));
const all = everyInjection(await lanes.record());
const chosen = sampleOf(
  all.filter((injection) => describeInjection(injection).includes(values.only)),
  Number(values['of-each']),
  values.seed,
);
console.log(`injecting ${chosen.length} of ${all.length} faults, seed ${values.seed}`);
const tally = new Tally();
let done = 0;
await lanes.inject(chosen, (injection, verdict) => {
  tally.add(injection, verdict);
  done += 1;
  if (verdict.outcome === 'not survived') console.log(`${describeInjection(injection)}: ${verdict.why}`);
  if (done % 100 === 0)
    console.log(`${done} faults injected in ${Math.round((Date.now() - startedMs) / 1000)} s`);
});
await lanes.stop();
for (const injection of tally.notInjected) console.log(`${injection}: was not injected`);
if (tally.total.injected === 0) console.log('no fault was injected');
for (const line of tally.table()) console.log(line);
console.log(JSON.stringify(tally.total));
process.exit(tally.isPassed ? 0 : 1);
