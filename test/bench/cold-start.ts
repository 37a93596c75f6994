import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployArchive, makeArchive } from '../deployed/archive.ts';
import { DeployedFunction } from '../deployed/deployed-function.ts';
import { STREAMED_ENTRY } from '../support/installation.ts';
import { Stack } from '../support/stack.ts';
import { type Bench, median } from './bench.ts';

/** As the functions are deployed (docs/configuration.md, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=4'];

/** What is measured: a function, and a call that it answers by what it knows. */
type Start = { name: string; folder: string; target: string; payload: object; outcome: string };

/**
 * From the start of a process to its first answer, of each function of the archive that is deployed, and of a function of the
 * same framework that only says hello: the yardstick. Medians of the rounds.
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
    const yardstick: Start = {
      name: 'hello',
      folder: hello,
      target: 'hello',
      payload: {},
      outcome: 'hello',
    };
    const all = [yardstick, ...starts];
    const seconds = new Map(all.map(({ name }) => [name, [] as number[]]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const start of all) seconds.get(start.name)?.push(await secondsToAnswer(start, env));
      const told = all.map(({ name }) => `${name} ${seconds.get(name)?.at(-1)?.toFixed(2)} s`);
      report(`round ${round}: ${told.join(', ')}`);
    }
    const medianOf = (name: string) => Number(median(seconds.get(name) ?? []).toFixed(3));
    return {
      archive_bytes: archive.length,
      rounds,
      hello_seconds: medianOf('hello'),
      seconds: Object.fromEntries(starts.map(({ name }) => [name, medianOf(name)])),
      ratio: Object.fromEntries(
        starts.map(({ name }) => [name, Number((medianOf(name) / medianOf('hello')).toFixed(2))]),
      ),
    };
  },
};

/** An installation in which everything is applied, so that each first answer is a real one that changes nothing. */
async function prepare(stack: Stack, folder: string) {
  const on = await stack.install({ views: [STREAMED_ENTRY] });
  const merged = await on.stage('pmr_project');
  await on.merge(merged);
  const streamed = await on.stage('xyz_incident');
  await on.stream(streamed);
  const batchOf = ({ view, etlTransactionId }: typeof merged) => ({ view, etlTransactionId });
  const settled = 'already finished';
  const starts: Start[] = [
    { name: 'tick', folder, target: 'extract', payload: {}, outcome: 'fanned out' },
    { name: 'extract', folder, target: 'extract', payload: { view: 'pmr_project' }, outcome: 'idle' },
    { name: 'merge', folder, target: 'merge', payload: batchOf(merged), outcome: settled },
    { name: 'stream', folder, target: 'stream', payload: batchOf(streamed), outcome: settled },
  ];
  return { starts, env: { ...on.parts.env, ...stack.endpoints() } };
}

async function secondsToAnswer(
  { folder, target, payload, outcome }: Start,
  env: Record<string, string>,
): Promise<number> {
  const startedMs = performance.now();
  await using deployed = await DeployedFunction.launch(folder, target, { env, nodeFlags: NODE_FLAGS });
  const response = await deployed.untilItAnswers(() => deployed.call(payload));
  const seconds = (performance.now() - startedMs) / 1000;
  const answer = (await response.json()) as { outcome?: string };
  if (answer.outcome !== outcome) throw new Error(`${target} answered ${JSON.stringify(answer)}`);
  return seconds;
}

/** A package with one function of the framework that is installed in `folder`. */
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
