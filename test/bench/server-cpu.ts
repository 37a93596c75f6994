import { readdir, readFile } from 'node:fs/promises';

/** Of a clock tick, which is a hundredth of a second on every Linux. */
export const SECONDS_A_TICK = 0.01;

/** The fields of /proc/<pid>/stat after the name in brackets: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const PARENT = 1;
const [USER, SYSTEM, ENDED_USER, ENDED_SYSTEM] = [11, 12, 13, 14];

/**
 * The CPU seconds that a PostgreSQL server has used since it started: of the server, its processes, and those that have ended. Null where the system does not tell
 * (only Linux does).
 */
export async function serverCpuSeconds(serverPid: number): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(async (pid) => ({ pid: Number(pid), fields: await statOf(pid) })));
  const ticks = stats.flatMap(({ pid, fields }) => {
    if (pid === serverPid)
      return [USER, SYSTEM, ENDED_USER, ENDED_SYSTEM].map((field) => Number(fields[field]));
    return Number(fields[PARENT]) === serverPid ? [USER, SYSTEM].map((field) => Number(fields[field])) : [];
  });
  return ticks.reduce((sum, each) => sum + each, 0) * SECONDS_A_TICK;
}

/** Does some work, and returns the CPU seconds that the server used meanwhile. */
export async function withServerCpu<Result>(
  serverPid: number,
  work: () => Promise<Result>,
): Promise<{ result: Result; serverCpuSeconds: number | null }> {
  const before = await serverCpuSeconds(serverPid);
  const result = await work();
  const after = await serverCpuSeconds(serverPid);
  return {
    result,
    serverCpuSeconds: before === null || after === null ? null : Number((after - before).toFixed(2)),
  };
}

/** Of a process that has ended meanwhile, nothing. */
async function statOf(pid: string): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
