import type { CaseResult } from './compare-cases.ts';
import type { Place } from './summarize-profile.ts';

/** The lines that end a bench: each case with what it took and what limited it, and where the time of the profiled round went. */
export function describeResult(result: { cases?: Record<string, CaseResult>; profile?: Place[] }): string[] {
  const { cases = {}, profile = [] } = result;
  return [
    ...Object.entries(cases).map(([name, each]) => `${name}: ${describeCase(each)}`),
    ...profile.map(({ place, share }) => `  ${percent(share)} of the main thread: ${place}`),
  ];
}

function describeCase(each: CaseResult): string {
  const { seconds } = each;
  const known = (label: string, value: number | null, unit: string) =>
    value === null ? [] : [`${label} ${value} ${unit}`];
  return [
    `${seconds.median} s (${seconds.min} to ${seconds.max})`,
    `${each.rows_per_second} rows/s`,
    `${each.ratio} of the baseline's rate`,
    ...known('CPU of the process', each.cpu_seconds, 's'),
    ...known('CPU of PostgreSQL', each.server_cpu_seconds, 's'),
    ...known('peak', each.peak_rss_mb, 'MB'),
    ...(each.limited_by === null ? [] : [`limited by ${each.limited_by}`]),
  ].join(', ');
}

const percent = (share: number): string => `${(share * 100).toFixed(1).padStart(5)} %`;
