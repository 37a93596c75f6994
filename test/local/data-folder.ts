import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running stack tells about itself, to other commands on this machine. */
export interface RunningStack {
  pid: number;
  /** Addresses by the functions' names; none until the stack is complete. */
  functions: Record<string, string>;
}

export interface ClaimedFolder {
  path: string;
  /** Lets other commands find the functions. */
  publish(functions: RunningStack['functions']): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes the folder that a stack keeps its data in, for this process alone. A claim that a killed run left is taken over.
 * Throws an error that says who uses the folder, or why it cannot be written.
 */
export async function claimDataFolder(dataFolder: string): Promise<ClaimedFolder> {
  const path = join(dataFolder, 'stack');
  const file = claimFile(dataFolder);
  const write = async (claim: RunningStack, to: string) =>
    writeFile(to, JSON.stringify(claim), { mode: 0o600 });
  await usable(path, async () => {
    await mkdir(path, { recursive: true });
    const other = await findRunningStack(dataFolder);
    if (other !== null) {
      throw new Error(
        `another npm start uses it (process ${other.pid}): stop that one first, or give --data another folder. ` +
          `If that process is something else, remove ${file}`,
      );
    }
    await rm(file, { force: true });
    // Fails if another process was quicker.
    await (await open(file, 'wx')).close();
    await write({ pid: process.pid, functions: {} }, file);
  });
  return {
    path,
    publish: async (functions) => {
      // Renamed when it is complete, so that no reader meets half of it.
      await write({ pid: process.pid, functions }, `${file}.new`);
      await rename(`${file}.new`, file);
    },
    release: () => rm(file, { force: true }),
  };
}

/** Makes a new empty folder for a run that keeps nothing. */
export async function makeThrowawayFolder(dataFolder: string): Promise<string> {
  return await usable(dataFolder, async () => {
    await mkdir(dataFolder, { recursive: true });
    return await mkdtemp(join(dataFolder, 'once-'));
  });
}

/** The stack that runs on that folder, if one does. */
export async function findRunningStack(dataFolder: string): Promise<RunningStack | null> {
  const text = await readFile(claimFile(dataFolder), 'utf8').catch(() => '');
  if (text === '') return null;
  const claim: RunningStack = JSON.parse(text);
  return isRunning(claim.pid) ? claim : null;
}

const claimFile = (dataFolder: string): string => join(dataFolder, 'stack', 'running.json');

async function usable<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The data folder ${path} cannot be used: ${reason}`, { cause });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
