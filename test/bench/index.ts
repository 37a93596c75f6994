// `npm run bench -- <name> [options]`: measures a part of the system next to its baseline, in one run.
import { createOptions } from '../support/script-options.ts';
import type { Bench } from './bench.ts';

/** Imported only when it is named, so that --help answers at once. */
const BENCHES: Record<string, () => Promise<Bench>> = {
  admin: async () => (await import('./admin.ts')).adminBench,
  capture: async () => (await import('./capture.ts')).captureBench,
  coldstart: async () => (await import('./cold-start.ts')).coldStartBench,
  extract: async () => (await import('./extract.ts')).extractBench,
  'many-views': async () => (await import('./many-views.ts')).manyViewsBench,
  reconcile: async () => (await import('./reconcile.ts')).reconcileBench,
  stream: async () => (await import('./stream.ts')).streamBench,
  tick: async () => (await import('./tick.ts')).tickBench,
};

const DEFAULT_ROWS = 100_000;
const DEFAULT_ROUNDS = 3;

const USAGE = `Usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [options]

Measures a part of the system next to its baseline, in one run. The last line is the result as JSON.

  --rows <n>    rows of one round (the default depends on the bench)
  --rounds <n>  rounds, of which the median counts (default ${DEFAULT_ROUNDS}, of some benches another)
  --json        print only the result
  --help, -h    print this text`;

const { parse, ...options } = createOptions(USAGE);
const refuse: (problem: string) => never = options.refuse;
const { positionals, values } = parse(
  { rows: { type: 'string' }, rounds: { type: 'string' }, json: { type: 'boolean', default: false } },
  { allowPositionals: true },
);
const load = Object.entries(BENCHES).find(([name]) => name === positionals[0])?.[1];
if (load === undefined || positionals.length !== 1) refuse('Name one bench.');
const bench = await load();
for (const name of ['rows', 'rounds'] as const) {
  if (!/^[1-9]\d{0,8}$/.test(values[name] ?? '1'))
    refuse(`--${name} must be a whole number from 1, not ${values[name]}`);
}
if (values.rows !== undefined && Number(values.rows) > bench.maxRows) {
  refuse(
    bench.maxRows === 0
      ? 'this bench has no --rows'
      : `--rows must be at most ${bench.maxRows} for this bench`,
  );
}
const result = await bench.run({
  rows: Number(values.rows ?? bench.rows ?? DEFAULT_ROWS),
  rounds: Number(values.rounds ?? bench.rounds ?? DEFAULT_ROUNDS),
  report: (line) => {
    if (!values.json) console.log(line);
  },
});
console.log(JSON.stringify(result));
