import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { describeInjection, everyInjection, sampleOf } from './injections.ts';
import { Lanes } from './lanes.ts';
import { Tally } from './tally.ts';

// Injects every fault into every call of every function, and tells what was survived; the last line is JSON. Options:
// --only TEXT those whose description has it, --of-each N a sample, --seed TEXT, --lanes N. Exits with 1 when one was not survived
// or, polls aside, not met, and when there was none.

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
console.log(`${chosen.length} of ${all.length} faults, seed ${values.seed}`);
const tally = new Tally();
let done = 0;
await lanes.inject(chosen, (injection, verdict) => {
  tally.add(injection, verdict);
  done += 1;
  if (verdict.outcome === 'not survived') console.log(`${describeInjection(injection)}: ${verdict.why}`);
  if (done % 100 === 0) console.log(`${done} done in ${Math.round((Date.now() - startedMs) / 1000)} s`);
});
await lanes.stop();
for (const injection of tally.notMet) console.log(`${injection}: was not met`);
if (tally.total.injected === 0) console.log('no fault was injected');
for (const line of tally.table()) console.log(line);
console.log(JSON.stringify(tally.total));
process.exit(tally.isPassed ? 0 : 1);
