import { readFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { type Place, summarizeProfile } from './summarize-profile.ts';

/** The time and memory that some work took in a process that did nothing else. */
export type Measured = {
  seconds: number;
  /** The CPU seconds of the main thread. */
  busySeconds: number;
  /** The CPU seconds of all threads of the process. */
  cpuSeconds: number;
  /** The peak since the process started. */
  peakRssMb: number;
  /** The highest resident memory in each quarter of the time. */
  quartersRssMb: number[];
  /** Only if the environment of the process asks for a profile. */
  profile?: Place[];
};

/** Set to 1, it asks for a profile. A profiled process is slower, and its other figures count for nothing. */
export const PROFILE_VARIABLE = 'BENCH_PROFILE';

const SAMPLE_INTERVAL_MS = 50;
const QUARTERS = [0, 1, 2, 3];

export async function measure<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; measured: Measured }> {
  const samplesMb: number[] = [];
  const sample = () => samplesMb.push(process.memoryUsage.rss() / 1024 / 1024);
  const sampler = setInterval(sample, SAMPLE_INTERVAL_MS);
  const cpuBefore = process.cpuUsage();
  const threadBefore = process.threadCpuUsage();
  const stopProfile = process.env[PROFILE_VARIABLE] === '1' ? await startProfile() : null;
  const startedMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedMs) / 1000;
  const thread = process.threadCpuUsage(threadBefore);
  const { user, system } = process.cpuUsage(cpuBefore);
  const profile = await stopProfile?.();
  clearInterval(sampler);
  sample();
  const quarter = samplesMb.length / QUARTERS.length;
  const quartersRssMb = QUARTERS.map((n) =>
    Math.max(...samplesMb.slice(Math.floor(n * quarter), Math.ceil((n + 1) * quarter))),
  );
  return {
    result,
    measured: {
      seconds,
      busySeconds: (thread.user + thread.system) / 1e6,
      cpuSeconds: (user + system) / 1e6,
      peakRssMb: (await peakRssKb()) / 1024,
      quartersRssMb,
      ...(profile === undefined ? {} : { profile }),
    },
  };
}

async function startProfile(): Promise<() => Promise<Place[]>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return summarizeProfile(profile);
  };
}

/** On Linux, maxRSS includes the parent's memory at the fork; VmHWM is the peak of this program alone. */
async function peakRssKb(): Promise<number> {
  const status = process.platform === 'linux' ? await readFile('/proc/self/status', 'utf8') : '';
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return peak === undefined ? process.resourceUsage().maxRSS : Number(peak);
}
