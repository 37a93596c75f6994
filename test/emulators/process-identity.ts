import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';

/**
 * Identifies a running process: its id and the time of its start, in characters that a file name allows. No later process has the same
 * identity, even after a restart of the machine or the container; on Windows it is the id alone, which may come again.
 * Undefined if no process has the id, or only a zombie.
 */
export function identityOf(pid: number): string | undefined {
  if (!(pid > 0)) return undefined;
  const begun = beginningOf(pid);
  return begun === undefined ? undefined : `${pid}-${begun}`;
}

export const OWN_IDENTITY = identityOf(process.pid) ?? String(process.pid);

/** Whether the process that `identityOf` named still runs. */
export function isAlive(identity: string): boolean {
  return identityOf(Number.parseInt(identity, 10)) === identity;
}

function beginningOf(pid: number): string | undefined {
  if (platform() === 'linux') return beginningByProc(pid);
  return platform() === 'win32' ? beginningUnknown(pid) : beginningByPs(pid);
}

/** The start in ticks since the boot of the machine, with the id of that boot. */
function beginningByProc(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The fields behind the program's name, which may contain any character: the state, and 19 fields later the start (man proc_pid_stat).
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === '' || 'ZX'.includes(state)) return undefined;
  return `${fields[18]}-${read('/proc/sys/kernel/random/boot_id').slice(0, 8)}`;
}

function beginningByPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  const [, state, begun = ''] = /^(\S+)\s+(.+?)\s*$/.exec(stdout.trim()) ?? [];
  return state === undefined || state.startsWith('Z') ? undefined : begun.replace(/\W+/g, '');
}

function beginningUnknown(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return '';
  } catch {
    return undefined;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
