import { readFile } from 'node:fs/promises';

/** The time and memory that some work took in a process that did nothing else. */
export type Measured = {
  seconds: number;
  /** The seconds during which the main thread worked; for the rest it waited. */
  busySeconds: number;
  /** The CPU seconds of all threads of the process. */
  cpuSeconds: number;
  /** The peak since the process started. */
  peakRssMb: number;
  /** The highest resident memory in each quarter of the time. */
  quartersRssMb: number[];
};

const SAMPLE_INTERVAL_MS = 50;
const QUARTERS = [0, 1, 2, 3];

export async function measure<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; measured: Measured }> {
  const samplesMb: number[] = [];
  const sample = () => samplesMb.push(process.memoryUsage.rss() / 1024 / 1024);
  const sampler = setInterval(sample, SAMPLE_INTERVAL_MS);
  const before = performance.eventLoopUtilization();
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedMs) / 1000;
  const { active } = performance.eventLoopUtilization(before);
  const { user, system } = process.cpuUsage(cpuBefore);
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
      busySeconds: active / 1000,
      cpuSeconds: (user + system) / 1e6,
      peakRssMb: (await peakRssKb()) / 1024,
      quartersRssMb,
    },
  };
}

/** On Linux, maxRSS includes the parent's memory at the fork; VmHWM is the peak of this program alone. */
async function peakRssKb(): Promise<number> {
  const status = process.platform === 'linux' ? await readFile('/proc/self/status', 'utf8') : '';
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return peak === undefined ? process.resourceUsage().maxRSS : Number(peak);
}
