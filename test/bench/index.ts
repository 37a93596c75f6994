// `npm run bench -- <name> [options]`: measures a part of the system next to its baseline, in one run.
import { createOptions } from '../support/script-options.ts';
import type { Bench } from './bench.ts';
import { describeResult } from './describe-result.ts';
import { watchOthers } from './used-by-others.ts';

/** Imported only when it is named, so that --help answers at once. */
const BENCHES: Record<string, () => Promise<Bench>> = {
  admin: async () => (await import('./admin.ts')).adminBench,
  capture: async () => (await import('./capture.ts')).captureBench,
  coldstart: async () => (await import('./cold-start.ts')).coldStartBench,
  extract: async () => (await import('./extract.ts')).extractBench,
  initial: async () => (await import('./initial.ts')).initialBench,
  'many-views': async () => (await import('./many-views.ts')).manyViewsBench,
  peers: async () => (await import('./peers.ts')).peersBench,
  reconcile: async () => (await import('./reconcile.ts')).reconcileBench,
  stream: async () => (await import('./stream.ts')).streamBench,
  tick: async () => (await import('./tick.ts')).tickBench,
};

const REPORT = 'report';
const DEFAULT_ROWS = 100_000;
const DEFAULT_ROUNDS = 3;

const USAGE = `Usage: npm run bench -- ${Object.keys(BENCHES).join('|')}|${REPORT} [options]

Measures a part of the system next to its baseline, in one run. The last line is the result as JSON.
"${REPORT}" writes docs/performance.md and its charts from the recorded runs.

  --rows <n>    rows of one round (the default depends on the bench)
  --rounds <n>  rounds, of which the median counts (default ${DEFAULT_ROUNDS}, of some benches another)
  --profile     one more round, which tells where the main thread spends its time
  --record      keep the result, with a profile, in test/bench/recorded
  --json        print only the result
  --help, -h    print this text`;

const { parse, ...options } = createOptions(USAGE);
const refuse: (problem: string) => never = options.refuse;
const { positionals, values } = parse(
  {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    profile: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  { allowPositionals: true },
);
const [name = ''] = positionals;
if (positionals.length !== 1) refuse('Name one bench.');
if (name === REPORT) {
  const { writeReport } = await import('./report/write-report.ts');
  for (const file of await writeReport()) console.log(`wrote ${file}`);
} else {
  await runBench();
}

async function runBench(): Promise<void> {
  const load = Object.entries(BENCHES).find(([each]) => each === name)?.[1];
  if (load === undefined) refuse('Name one bench.');
  const bench = await load();
  for (const option of ['rows', 'rounds'] as const) {
    if (!/^[1-9]\d{0,8}$/.test(values[option] ?? '1'))
      refuse(`--${option} must be a whole number from 1, not ${values[option]}`);
  }
  if (values.rows !== undefined && Number(values.rows) > bench.maxRows) {
    refuse(
      bench.maxRows === 0
        ? 'this bench has no --rows'
        : `--rows must be at most ${bench.maxRows} for this bench`,
    );
  }
  const report = (line: string) => {
    if (!values.json) console.log(line);
  };
  const usedByOthers = await watchOthers();
  const result = await bench.run({
    rows: Number(values.rows ?? bench.rows ?? DEFAULT_ROWS),
    rounds: Number(values.rounds ?? bench.rounds ?? DEFAULT_ROUNDS),
    profile: values.profile || values.record,
    report,
  });
  const cores = await usedByOthers();
  for (const line of describeResult(result)) report(line);
  if (cores !== null) report(`other programs used ${cores} cores meanwhile`);
  if (values.record) {
    const { writeRecord } = await import('./record.ts');
    report(`recorded in test/bench/recorded/${await writeRecord(name, result, cores)}`);
  }
  console.log(JSON.stringify(result));
}
