import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';

/**
 * Tells a running process from every later one that gets its id, also after the machine or the container was started again:
 * the id and when the process began, fit for a file's name. Undefined when no process has that id, or only a dead one that
 * nobody has collected. On Windows it is the id alone.
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

/** In ticks since the machine started, so the start of the machine belongs to it. */
function beginningByProc(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // After the program's name, which may hold anything: state, and 19 fields later the beginning (man proc_pid_stat).
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
