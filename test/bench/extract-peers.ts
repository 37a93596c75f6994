import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sample } from './compare-cases.ts';
import { PYTHON } from './peer.ts';
import { runProgram } from './run-program.ts';

/** A program that copies a view of PostgreSQL into compressed files. */
export type ExtractPeer = {
  name: string;
  /** Of the program, and of what it uses. */
  version: string;
  copy(url: string, view: string): Promise<Sample & { rows: number }>;
};

const DLT_PROGRAM = fileURLToPath(new URL('dlt-peer.py', import.meta.url));
const DLT_BACKENDS = ['connectorx', 'pyarrow'];
/** Sling is one file; its Python package does not always bring it. */
const SLING = process.env.SLING ?? 'sling';

/** A peer that cannot run, what it needs, and why it cannot. The reason may name a path of this machine. */
export type MissingPeer = { needs: string; reason: string };

/** The peers that this machine has, and those that it has not. Nothing is installed. */
export async function findExtractPeers(): Promise<{ peers: ExtractPeer[]; missing: MissingPeer[] }> {
  const peers: ExtractPeer[] = [];
  const missing: MissingPeer[] = [];
  for (const find of [...DLT_BACKENDS.map((backend) => () => findDlt(backend)), findSling]) {
    const found = await find();
    if ('needs' in found) missing.push(found);
    else peers.push(found);
  }
  return { peers, missing };
}

async function findDlt(backend: string): Promise<ExtractPeer | MissingPeer> {
  const name = `dlt, ${backend}`;
  try {
    const { output } = await runProgram(PYTHON, [DLT_PROGRAM, backend]);
    const versions = Object.entries(lastJson(output)).map(([each, version]) => `${each} ${version}`);
    return {
      name,
      version: versions.join(', '),
      copy: (url, view) => inEmptyFolder((folder) => copyByDlt(backend, url, view, folder)),
    };
  } catch (error) {
    const needs = `${name}: PYTHON must name a Python that has dlt, ${backend}, sqlalchemy, psycopg2 and numpy`;
    return { needs, reason: lastLine(error) };
  }
}

async function copyByDlt(backend: string, url: string, view: string, folder: string) {
  const env = { ...process.env, DLT_DATA_DIR: folder };
  const run = await runProgram(PYTHON, [DLT_PROGRAM, backend, url, view, folder], env);
  const { seconds, rows } = lastJson(run.output) as { seconds: number; rows: number };
  return { ...run, seconds, rows };
}

async function findSling(): Promise<ExtractPeer | MissingPeer> {
  try {
    const { output } = await runProgram(SLING, ['--version']);
    const version = /\d+\.\d+\.\d+\S*/.exec(output)?.[0];
    if (version === undefined) throw new Error(output);
    return {
      name: 'Sling',
      version: `sling ${version}`,
      copy: (url, view) => inEmptyFolder((folder) => copyBySling(url, view, folder)),
    };
  } catch (error) {
    return { needs: 'Sling: SLING must name its program', reason: lastLine(error) };
  }
}

async function copyBySling(url: string, view: string, folder: string) {
  const env = {
    ...process.env,
    BENCH_SOURCE: `${url}?sslmode=disable`,
    SLING_HOME_DIR: folder,
    SLING_DISABLE_TELEMETRY: 'true',
  };
  const run = await runProgram(
    SLING,
    [
      ...['run', '--src-conn', 'BENCH_SOURCE', '--src-stream', `public.${view}`],
      ...['--tgt-object', `file://${join(folder, 'rows.jsonl.gz')}`],
    ],
    env,
  );
  const rows = /wrote (\d+) rows/.exec(run.output)?.[1];
  if (rows === undefined) throw new Error(`Sling did not say how many rows it wrote:\n${run.output}`);
  return { ...run, rows: Number(rows) };
}

async function inEmptyFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'smart-datahub-peer-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where Python writes what went wrong. */
const lastLine = (error: unknown): string => String(error).trimEnd().split('\n').at(-1) ?? '';

/** The last line that is an object of JSON; programs also write warnings. */
function lastJson(output: string): Record<string, unknown> {
  const line = output.split('\n').findLast((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`no JSON in:\n${output}`);
  return JSON.parse(line);
}
