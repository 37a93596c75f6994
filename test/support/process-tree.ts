import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, isAlive } from '../emulators/process-identity.ts';

const POLL_INTERVAL_MS = 5;

/** Returns the identities of a process and all its descendants, parents first. */
export function processTree(root: number): string[] {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const ids = [root];
  // The loop also visits the ids that it appends.
  for (const id of ids) ids.push(...(children.get(id) ?? []).map((child) => child.id));
  return ids.map(identityOf).filter((identity) => identity !== undefined);
}

/**
 * Kills a process and all its descendants with SIGKILL, as when a machine crashes, and resolves when all of them are dead.
 */
export async function killTree(root: number): Promise<void> {
  const tree = processTree(root);
  for (const identity of tree) {
    // A child may have ended already, because its parent was killed.
    if (isAlive(identity)) process.kill(Number.parseInt(identity, 10), 'SIGKILL');
  }
  while (tree.some(isAlive)) await delay(POLL_INTERVAL_MS);
}

interface Process {
  id: number;
  parent: number;
}

function processes(): Process[] {
  if (platform() === 'linux') return readdirSync('/proc').flatMap(processInProc);
  return execFileSync('ps', ['-A', '-o', 'pid=', '-o', 'ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([id = 0, parent = 0]) => ({ id, parent }));
}

function processInProc(entry: string): Process[] {
  if (!/^\d+$/.test(entry)) return [];
  try {
    const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    // The program's name may contain anything. State and parent follow it.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ id: Number(entry), parent: Number(parent) }];
  } catch {
    return []; // The process has ended since.
  }
}
