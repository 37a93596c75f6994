export type BenchOptions = { rows: number; rounds: number; report: (line: string) => void };

/** The result of a bench. Rates are medians of the rounds; the peak is the highest of all rounds. */
export type BenchResult = {
  rows: number;
  rows_per_second: number;
  baseline_rows_per_second: number;
  /** `rows_per_second` divided by `baseline_rows_per_second`. */
  ratio: number;
  /** The peak memory of the process that did the work. */
  peak_rss_mb: number;
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

export function benchResult({ rows, seconds, baselineSeconds, peakRssMb }: Rounds): BenchResult {
  const rate = rows / median(seconds);
  const baseline = rows / median(baselineSeconds);
  return {
    rows,
    rows_per_second: Math.round(rate),
    baseline_rows_per_second: Math.round(baseline),
    ratio: Number((rate / baseline).toFixed(3)),
    peak_rss_mb: Math.round(Math.max(...peakRssMb)),
  };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((low ?? 0) + (high ?? 0)) / 2;
}
