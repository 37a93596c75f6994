import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, OWN_IDENTITY } from '../emulators/process-identity.ts';

/** What a running stack tells about itself, to other commands on this machine. */
export interface RunningStack {
  /** The process that runs it, by `identityOf`. */
  process: string;
  /** Addresses by the functions' names; none until the stack is complete. */
  functions: Record<string, string>;
}

export interface ClaimedFolder {
  path: string;
  /** How the run before this one ended. */
  lastRun: 'none' | 'stopped' | 'killed';
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
  const lastRun = await usable(path, async () => {
    const isNew = (await mkdir(path, { recursive: true })) !== undefined;
    const other = await readClaim(dataFolder);
    if (other !== null && isAlive(other.process)) {
      const pid = Number.parseInt(other.process, 10);
      throw new Error(
        `another npm start uses it (process ${pid}): stop that one first, or give --data another folder. ` +
          `If that process is something else, remove ${file}`,
      );
    }
    await rm(file, { force: true });
    // Fails if another process was quicker.
    await (await open(file, 'wx')).close();
    await write({ process: OWN_IDENTITY, functions: {} }, file);
    if (isNew) return 'none';
    return other === null ? 'stopped' : 'killed';
  });
  return {
    path,
    lastRun,
    publish: async (functions) => {
      // Renamed when it is complete, so that no reader meets half of it.
      await write({ process: OWN_IDENTITY, functions }, `${file}.new`);
      await rename(`${file}.new`, file);
    },
    release: () => rm(file, { force: true }),
  };
}

/** The stack that runs on that folder, if one does. */
export async function findRunningStack(dataFolder: string): Promise<RunningStack | null> {
  const claim = await readClaim(dataFolder);
  return claim !== null && isAlive(claim.process) ? claim : null;
}

/** Does something with a folder; a failure says which folder it is. */
export async function usable<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The data folder ${path} cannot be used: ${reason}`, { cause });
  }
}

const claimFile = (dataFolder: string): string => join(dataFolder, 'stack', 'running.json');

/** The claim of a run that was killed while it wrote it is one of nobody who runs. */
async function readClaim(dataFolder: string): Promise<RunningStack | null> {
  const text = await readFile(claimFile(dataFolder), 'utf8').catch(() => undefined);
  if (text === undefined) return null;
  const nobody = { process: '', functions: {} };
  try {
    return { ...nobody, ...JSON.parse(text) };
  } catch {
    return nobody;
  }
}
