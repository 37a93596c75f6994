import { readFile } from 'node:fs/promises';
import { SECONDS_A_TICK } from './server-cpu.ts';

/** What a process has used since it started; null where the system does not tell (only Linux does). */
export type Used = { cpuSeconds: number | null; peakRssMb: number | null };

/** Null for a process that is gone. */
export async function lookAtProcess(pid: number | undefined): Promise<Used | null> {
  if (process.platform !== 'linux') return { cpuSeconds: null, peakRssMb: null };
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const peakKb = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (peakKb === undefined) return null;
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return {
      peakRssMb: Number(peakKb) / 1024,
      cpuSeconds: ((user ?? 0) + (system ?? 0)) * SECONDS_A_TICK,
    };
  } catch {
    return null;
  }
}
