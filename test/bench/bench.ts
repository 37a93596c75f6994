import { type CaseResult, compareCases } from './compare-cases.ts';
import type { Place } from './summarize-profile.ts';

export { median } from './spread.ts';

/** `profile` asks for one more round, which is profiled and not counted. */
export type BenchOptions = {
  rows: number;
  rounds: number;
  profile: boolean;
  report: (line: string) => void;
};

/** The result of a bench. Rates are medians of the rounds; the peak is the highest of all rounds. */
export type BenchResult = {
  rows: number;
  rounds: number;
  rows_per_second: number;
  baseline_rows_per_second: number;
  /** `rows_per_second` divided by `baseline_rows_per_second`. */
  ratio: number;
  /** The peak memory of the process that did the work. */
  peak_rss_mb: number;
  /** What was measured in turn, by name: first the work, then its baseline, then others. */
  cases: Record<string, CaseResult>;
  /** Where the main thread of the process that did the work spent its time, in a round of its own. */
  profile?: Place[];
};

/** A measurement next to a baseline in the same run, so that the speed of the machine cancels out. The result is printed as JSON. */
export type Bench = {
  /** The highest value of `--rows`; 0 for a bench without rows. */
  maxRows: number;
  /** The default of `--rows`, if it differs from the common one. */
  rows?: number;
  /** The default of `--rounds`, if it differs from the common one. */
  rounds?: number;
  run(options: BenchOptions): Promise<object>;
};

type Rounds = { rows: number; seconds: number[]; baselineSeconds: number[]; peakRssMb: number[] };

/** The result of a bench that has measured nothing but time and memory. */
export function benchResult({ rows, seconds, baselineSeconds, peakRssMb }: Rounds): BenchResult {
  return compareCases(rows, {
    work: seconds.map((each, i) => ({ seconds: each, peakRssMb: peakRssMb[i] ?? null })),
    baseline: baselineSeconds.map((each) => ({ seconds: each })),
  });
}
