import type { BenchResult } from './bench.ts';
import { limitOf } from './limit-of.ts';
import { median, type Spread, spreadOf } from './spread.ts';

/** One round of one case. What could not be measured is null or left out. */
export type Sample = {
  seconds: number;
  /** The CPU seconds of the main thread of the process. */
  busySeconds?: number | null;
  /** The CPU seconds of all threads of the process. */
  cpuSeconds?: number | null;
  /** The CPU seconds of the PostgreSQL server meanwhile. */
  serverCpuSeconds?: number | null;
  peakRssMb?: number | null;
};

/** A case of a bench. Seconds are medians; the peak is the highest of all rounds. */
export type CaseResult = {
  seconds: Spread;
  rows_per_second: number;
  /** The seconds of the baseline divided by those of this case: above 1 is faster than the baseline. */
  ratio: number;
  busy_seconds: number | null;
  cpu_seconds: number | null;
  server_cpu_seconds: number | null;
  peak_rss_mb: number | null;
  limited_by: string | null;
};

/**
 * The result of cases that were measured in turn. The first case is the work; the second is its baseline, unless another is named. Throws if one has no
 * rounds.
 */
export function compareCases(
  rows: number,
  samples: Record<string, readonly Sample[]>,
  baseline = Object.keys(samples)[1] ?? '',
): BenchResult {
  const [first = []] = Object.values(samples);
  const baselineSeconds = secondsOf(samples[baseline] ?? []);
  const cases = Object.fromEntries(
    Object.entries(samples).map(([name, rounds]) => [name, caseOf(rows, rounds, baselineSeconds)]),
  );
  const [work] = Object.values(cases);
  const base = cases[baseline];
  if (work === undefined || base === undefined) throw new Error('a bench compares two cases or more');
  return {
    rows,
    rounds: first.length,
    rows_per_second: work.rows_per_second,
    baseline_rows_per_second: base.rows_per_second,
    ratio: work.ratio,
    peak_rss_mb: work.peak_rss_mb ?? 0,
    cases,
  };
}

function caseOf(rows: number, rounds: readonly Sample[], baselineSeconds: number): CaseResult {
  const seconds = secondsOf(rounds);
  const peaks = rounds.flatMap(({ peakRssMb }) => peakRssMb ?? []);
  return {
    seconds: spreadOf(rounds.map((round) => round.seconds)),
    rows_per_second: Math.round(rows / seconds),
    ratio: Number((baselineSeconds / seconds).toFixed(3)),
    busy_seconds: medianOf(rounds, 'busySeconds'),
    cpu_seconds: medianOf(rounds, 'cpuSeconds'),
    server_cpu_seconds: medianOf(rounds, 'serverCpuSeconds'),
    peak_rss_mb: peaks.length === 0 ? null : Math.round(Math.max(...peaks)),
    limited_by: limitOf({
      seconds,
      busySeconds: medianOf(rounds, 'busySeconds'),
      cpuSeconds: medianOf(rounds, 'cpuSeconds'),
      serverCpuSeconds: medianOf(rounds, 'serverCpuSeconds'),
    }),
  };
}

const secondsOf = (rounds: readonly Sample[]): number => median(rounds.map(({ seconds }) => seconds));

/** Null if no round has measured it. */
function medianOf(
  rounds: readonly Sample[],
  figure: 'busySeconds' | 'cpuSeconds' | 'serverCpuSeconds',
): number | null {
  const known = rounds.flatMap((round) => round[figure] ?? []);
  return known.length === 0 ? null : Number(median(known).toFixed(3));
}
