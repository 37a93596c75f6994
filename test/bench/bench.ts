export type BenchOptions = { rows: number; rounds: number; report: (line: string) => void };

/** What a bench ends with. Rates are medians of the rounds; the peak is that of the worst round. */
export type BenchResult = {
  rows: number;
  rows_per_second: number;
  baseline_rows_per_second: number;
  /** Of the two rates. */
  ratio: number;
  /** Of the process that did the work. */
  peak_rss_mb: number;
};

/** Something measured beside a baseline, in one run, so that the machine cancels out. Answers a line of JSON. */
export type Bench = {
  /** The most that it can be asked for; 0 for one that is not about rows. */
  maxRows: number;
  /** How many there are when nothing is said. */
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
