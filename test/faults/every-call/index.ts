import { availableParallelism } from 'node:os';
import { createOptions } from '../../support/script-options.ts';

const USAGE = `Usage: npm run faults [-- options]

Injects every fault into every call of every function, and prints how many the functions survived; the last line is JSON. The exit code is 1 if a
function did not survive a fault, if a fault could not be injected (polls of a job excepted), or if there was no fault to inject.

  --only <text>   only faults whose description contains the text
  --of-each <n>   a sample: so many of each kind (default: all)
  --seed <text>   chooses the sample (default: faults)
  --lanes <n>     how many run at a time (default: one more than there are processors)
  --help, -h      print this text`;

const { read, wholeNumber } = createOptions(USAGE);
const values = read({
  only: { type: 'string', default: '' },
  'of-each': { type: 'string', default: '1000000' },
  seed: { type: 'string', default: 'faults' },
  lanes: { type: 'string', default: String(availableParallelism() + 1) },
});

// Imported only now, so that --help answers at once.
const { describeInjection, everyInjection, sampleOf } = await import('./injections.ts');
const { Lanes } = await import('./lanes.ts');
const { Tally } = await import('./tally.ts');

const startedMs = Date.now();
const lanes = new Lanes(wholeNumber('lanes', values.lanes, 100));
const all = everyInjection(await lanes.record());
const chosen = sampleOf(
  all.filter((injection) => describeInjection(injection).includes(values.only)),
  wholeNumber('of-each', values['of-each'], 1_000_000),
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
