import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Python is; a virtual environment has its own. */
export const PYTHON = process.env.PYTHON ?? 'python3';

/** Packages of one algorithm. The second is no longer maintained. */
const PACKAGES = { reladiff: 'reladiff', 'data-diff': 'data_diff' } as const;

/** A program that compares two tables of PostgreSQL. */
export type Peer = {
  name: string;
  compare(database: string, tables: [string, string], key: string): Promise<PeerRun>;
};

export type PeerRun = { seconds: number; differences: number };

/** The first peer that Python has, or null. */
export async function findPeer(): Promise<Peer | null> {
  for (const [name, module] of Object.entries(PACKAGES)) {
    const isThere = await run(PYTHON, ['-c', `import ${module}, psycopg2`]).then(
      () => true,
      () => false,
    );
    if (isThere) return { name, compare: (...compared) => compareWith(module, ...compared) };
  }
  return null;
}

/** Compares all columns. A row that differs gives two lines, one for each side. */
async function compareWith(
  module: string,
  database: string,
  [left, right]: [string, string],
  key: string,
): Promise<PeerRun> {
  const startedMs = performance.now();
  const { stdout } = await run(PYTHON, [
    ...['-m', module, database, left, right],
    ...['--key-columns', key, '--columns', '%', '--algorithm', 'hashdiff', '--json'],
  ]);
  const seconds = (performance.now() - startedMs) / 1000;
  return { seconds, differences: stdout.split('\n').filter((line) => line.startsWith('["-"')).length };
}
