import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { SECONDS_A_TICK } from './server-cpu.ts';

/**
 * Begins to watch the machine. The returned function tells how many cores other programs have used since, on average: what the machine was busy, without this process and its children,
 * which must all have ended. Null where the system does not tell (only Linux does).
 */
export async function watchOthers(): Promise<() => Promise<number | null>> {
  if (process.platform !== 'linux') return async () => null;
  const before = await readTimes();
  const startedMs = performance.now();
  return async () => {
    const after = await readTimes();
    const seconds = (performance.now() - startedMs) / 1000;
    const cores = (after.machine - before.machine - (after.own - before.own)) / seconds;
    return Number(Math.min(Math.max(cores, 0), availableParallelism()).toFixed(2));
  };
}

/** The CPU seconds of the machine, and those of this process with its ended children: https://man7.org/linux/man-pages/man5/proc_stat.5.html */
async function readTimes(): Promise<{ machine: number; own: number }> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = line.split(/ +/).slice(1).map(Number);
  const stat = await readFile('/proc/self/stat', 'utf8');
  const own = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return {
    machine: (user + nice + system + irq + softIrq) * SECONDS_A_TICK,
    own: own.reduce((sum, each) => sum + each, 0) * SECONDS_A_TICK,
  };
}
