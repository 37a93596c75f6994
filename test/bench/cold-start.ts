import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployArchive, makeArchive } from '../deployed/archive.ts';
import { DeployedFunction } from '../deployed/deployed-function.ts';
import { STREAMED_ENTRY } from '../support/installation.ts';
import { Stack } from '../support/stack.ts';
import type { Bench } from './bench.ts';
import { type CaseResult, compareCases, type Sample } from './compare-cases.ts';
import { lookAtProcess } from './look-at-process.ts';

/** The flags of the deployed functions (docs/configuration.md, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=2'];

/** The baseline: a function of the same framework. */
const HELLO = 'hello';

/** A function to measure, with its first request and what the answer must contain. */
type Start = {
  name: string;
  folder: string;
  target: string;
  request: (deployed: DeployedFunction) => Promise<Response>;
  answer: RegExp;
};

/**
 * Measures the time from the start of a process to its first response, for each function of the deployed archive. The baseline is a
 * function of the same framework that only answers hello. Results are medians of the rounds.
 */
export const coldStartBench: Bench = {
  maxRows: 0,
  rounds: 10,
  async run({ rounds, report }) {
    await using resources = new AsyncDisposableStack();
    const stack = resources.adopt(await new Stack().start(), (each) => each.stop());
    const archive = await makeArchive();
    const folder = resources.adopt(await deployArchive(archive), remove);
    const hello = resources.adopt(await makeHello(folder), remove);
    const { starts, env } = await prepare(stack, folder);
    const baseline: Start = {
      name: HELLO,
      folder: hello,
      target: 'hello',
      ...call({}, 'hello'),
    };
    const all = [baseline, ...starts];
    const samples = new Map(all.map(({ name }) => [name, [] as Sample[]]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const start of all) samples.get(start.name)?.push(await startOnce(start, env));
      const times = all.map(({ name }) => `${name} ${samples.get(name)?.at(-1)?.seconds.toFixed(2)} s`);
      report(`round ${round}: ${times.join(', ')}`);
    }
    const { cases } = compareCases(1, Object.fromEntries(samples), HELLO);
    const figures = (figure: (of: CaseResult) => number) =>
      Object.fromEntries(
        Object.entries(cases).flatMap(([name, each]) => (name === HELLO ? [] : [[name, figure(each)]])),
      );
    return {
      archive_bytes: archive.length,
      rounds,
      hello_seconds: cases[HELLO]?.seconds.median,
      seconds: figures(({ seconds }) => seconds.median),
      ratio: figures(({ ratio }) => Number((1 / ratio).toFixed(2))),
      cases,
    };
  },
};

/** Prepares an installation without open work, so that each first call does real work but changes nothing. */
async function prepare(stack: Stack, folder: string) {
  const on = await stack.install({ views: [STREAMED_ENTRY] });
  const merged = await on.stage('pmr_project');
  await on.merge(merged);
  const streamed = await on.stage('xyz_incident');
  await on.stream(streamed);
  const batchOf = ({ view, etlTransactionId }: typeof merged) => ({ view, etlTransactionId });
  const finished = 'already finished';
  const starts: Start[] = [
    { name: 'tick', folder, target: 'extract', ...call({}, 'fanned out') },
    { name: 'extract', folder, target: 'extract', ...call({ view: 'pmr_project' }, 'idle') },
    { name: 'merge', folder, target: 'merge', ...call(batchOf(merged), finished) },
    { name: 'stream', folder, target: 'stream', ...call(batchOf(streamed), finished) },
    {
      ...{ name: 'reconcile', folder, target: 'reconcile' },
      ...call({ view: 'pmr_project', dryRun: true }, 'dry run'),
    },
    { name: 'admin', folder, target: 'admin', request: (it) => it.get('/'), answer: /pmr_project/ },
  ];
  return { starts, env: { ...on.parts.env, ...stack.endpoints() } };
}

/** A call by hand whose outcome is known in advance. */
const call = (payload: object, outcome: string): Pick<Start, 'request' | 'answer'> => ({
  request: (deployed) => deployed.call(payload),
  answer: new RegExp(`"outcome":"${outcome}"`),
});

/** Ends the process once it has answered. */
async function startOnce(
  { folder, target, request, answer }: Start,
  env: Record<string, string>,
): Promise<Sample> {
  const startedMs = performance.now();
  await using deployed = await DeployedFunction.launch(folder, target, { env, nodeFlags: NODE_FLAGS });
  const response = await deployed.untilItAnswers(() => request(deployed));
  const seconds = (performance.now() - startedMs) / 1000;
  const used = await lookAtProcess(deployed.pid);
  const text = await response.text();
  if (!answer.test(text)) throw new Error(`${target} answered ${text}`);
  return { seconds, ...used };
}

/** Makes a package with one function that uses the framework installed in `folder`. */
async function makeHello(folder: string): Promise<string> {
  const hello = await mkdtemp(join(tmpdir(), 'hello-'));
  await writeFile(join(hello, 'package.json'), '{ "type": "module", "main": "index.js" }');
  await writeFile(
    join(hello, 'index.js'),
    `import { http } from '@google-cloud/functions-framework';
     http('hello', (_request, response) => response.json({ outcome: 'hello' }));`,
  );
  await symlink(join(folder, 'node_modules'), join(hello, 'node_modules'), 'junction');
  return hello;
}

const remove = (folder: string) => rm(folder, { recursive: true });
