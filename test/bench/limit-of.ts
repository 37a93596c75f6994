import { availableParallelism } from 'node:os';

/** Medians of a case; null for what was not measured. */
export type Used = {
  seconds: number;
  busySeconds: number | null;
  cpuSeconds: number | null;
  serverCpuSeconds: number | null;
};

/** From this share on, something counts as used up. */
const FULL = 0.8;
/** Of all cores together: two programs that wait for each other leave some of them idle. */
const CORES_FULL = 0.9;

/**
 * What the work had no more of: the cores, when programs of the same run used nearly all of them; or the main thread of the process, or PostgreSQL, when it was at work
 * nearly all the time. Otherwise it waited: for the disk, for answers, or because its steps follow each other. Null if nothing was measured that could tell.
 */
export function limitOf(used: Used, cores = availableParallelism()): string | null {
  const { seconds, busySeconds, cpuSeconds, serverCpuSeconds } = used;
  if (cpuSeconds === null && serverCpuSeconds === null) return null;
  const share = (of: number | null) => (of ?? 0) / seconds;
  if (share(cpuSeconds) + share(serverCpuSeconds) >= CORES_FULL * cores) return `the ${cores} cores`;
  const isSource = share(serverCpuSeconds) >= share(busySeconds);
  if (share(isSource ? serverCpuSeconds : busySeconds) >= FULL) {
    return isSource ? 'PostgreSQL' : 'the main thread';
  }
  return 'waiting';
}
