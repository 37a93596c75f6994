import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, OWN_IDENTITY } from '../emulators/process-identity.ts';
import { makeFolder } from './make-folder.ts';

/** What a running stack publishes about itself for other commands on this machine. */
export interface RunningStack extends PublishedStack {
  /** Identity of the process that runs it (`identityOf`). */
  process: string;
}

export interface PublishedStack {
  /** URLs by function name; empty until the stack is ready. */
  functions: Record<string, string>;
  /** The page of the operators. */
  adminUrl?: string;
  /** The source as its reader role. */
  sourceUrl?: string;
  /** The settings of TLS for the source, as the functions have them. */
  sourceTls?: { SOURCE_TLS?: string | undefined; SOURCE_TLS_CA?: string | undefined };
  /** BigQuery, in the form of BIGQUERY_EMULATOR_HOST. */
  bigqueryUrl?: string;
  /** What the functions log. */
  logFile?: string;
}

export interface ClaimedFolder {
  path: string;
  /** How the previous run ended. */
  lastRun: 'none' | 'stopped' | 'killed';
  /** Publishes the stack's addresses to other commands. */
  publish(stack: PublishedStack): Promise<void>;
  release(): Promise<void>;
}

/**
 * Claims the folder that a stack keeps its data in for this process alone. It takes over the claim of a run that was killed.
 * Throws an error that says which process uses the folder, or why the folder cannot be written.
 */
export async function claimDataFolder(dataFolder: string): Promise<ClaimedFolder> {
  const path = join(dataFolder, 'stack');
  const file = claimFile(dataFolder);
  const write = async (claim: RunningStack, to: string) =>
    writeFile(to, JSON.stringify(claim), { mode: 0o600 });
  const lastRun = await withFolder(path, async () => {
    const isNew = await makeFolder(path);
    const other = await readClaim(dataFolder);
    if (other !== null && isAlive(other.process)) {
      const pid = Number.parseInt(other.process, 10);
      throw new Error(
        `another npm start uses it (process ${pid}). Stop that one first, or choose another folder with --data. ` +
          `If process ${pid} is not npm start, remove ${file}`,
      );
    }
    await rm(file, { force: true });
    // Fails if another process has claimed the folder meanwhile.
    await (await open(file, 'wx')).close();
    await write({ process: OWN_IDENTITY, functions: {} }, file);
    if (isNew) return 'none';
    return other === null ? 'stopped' : 'killed';
  });
  return {
    path,
    lastRun,
    publish: async (stack) => {
      // The rename makes the complete file visible at once, so no reader sees half of it.
      await write({ process: OWN_IDENTITY, ...stack }, `${file}.new`);
      await rename(`${file}.new`, file);
    },
    release: () => rm(file, { force: true }),
  };
}

/** The stack that is running on that folder; null if none is. */
export async function findRunningStack(dataFolder: string): Promise<RunningStack | null> {
  const claim = await readClaim(dataFolder);
  return claim !== null && isAlive(claim.process) ? claim : null;
}

/** Calls `use`, and adds the folder's path to an error that it throws. */
export async function withFolder<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The data folder ${path} cannot be used: ${reason}`, { cause });
  }
}

const claimFile = (dataFolder: string): string => join(dataFolder, 'stack', 'running.json');

/** An incomplete claim, from a run that was killed while writing it, counts as one of a process that no longer runs. */
async function readClaim(dataFolder: string): Promise<RunningStack | null> {
  const text = await readFile(claimFile(dataFolder), 'utf8').catch(() => undefined);
  if (text === undefined) return null;
  const unclaimed = { process: '', functions: {} };
  try {
    return { ...unclaimed, ...JSON.parse(text) };
  } catch {
    return unclaimed;
  }
}
