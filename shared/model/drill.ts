import type { ComparisonPlan, DifferenceCounts, Moment } from './consistency.ts';
import type { StreamingWindow } from './row-text.ts';

/** Keys from `from` on, below `to`. Null stands for an open end. */
export type KeyRange = { from: bigint | null; to: bigint | null };

/** The rows of some buckets, or of all, whose keys lie in a range. */
export type RowSelection = { range: KeyRange; buckets: readonly number[] | 'all' };

/** By what both sides order the rows that are compared one by one. */
export type RowOrder = 'key' | 'bucket';

/** The query of the target that some parts of a drill read: its rows are those of one moment. */
export type DrillQuery = {
  moment: Moment;
  /** Names the query within the check. */
  step: string;
  /** Its rows are those of the parts from this number on, */
  firstPart: number;
  /** to the part before this number. */
  partsEnd: number;
  /** What both sides compare of a streamed partition column, then and later. */
  window: StreamingWindow | null;
};

/** How far the comparison of single rows has come. */
export type DrillProgress = {
  partsDone: number;
  /** Null if the next part needs a query of its own. */
  query: DrillQuery | null;
  /** How many rows of the query's result have been read. */
  rowsRead: number;
  /** The keys that were queued at the query's moment or since. */
  queuedKeys: string[];
  /** How many rows differ in the parts that are done. */
  counts: DifferenceCounts;
  /** How many keys the target need not show yet, at the last part. */
  pending: number;
};

/** Integer keys of large views order the rows, so that a part is a range of keys, which each side finds by its index or clustering. */
export const orderOf = ({ cuts }: Pick<ComparisonPlan, 'cuts'>): RowOrder =>
  cuts.length > 0 ? 'key' : 'bucket';

const ALL_KEYS: KeyRange = { from: null, to: null };

/**
 * Cuts the rows of some buckets, or of all, into parts, in the order of the rows: the ranges of keys of the plan, or groups of buckets. `rowsOf` says how
 * many rows a bucket has.
 */
export function rowParts(
  { buckets, cuts, partRows }: Pick<ComparisonPlan, 'buckets' | 'cuts' | 'partRows'>,
  differing: readonly number[] | 'all',
  rowsOf: (bucket: number) => number,
): RowSelection[] {
  if (cuts.length > 0) {
    return [null, ...cuts].map((from, i) => ({ range: { from, to: cuts[i] ?? null }, buckets: differing }));
  }
  const groups: number[][] = [];
  let rows = 0;
  for (const bucket of differing === 'all' ? allBuckets(buckets) : differing) {
    const group = groups.at(-1);
    if (group === undefined || rows + rowsOf(bucket) > partRows) {
      groups.push([bucket]);
      rows = 0;
    } else group.push(bucket);
    rows += rowsOf(bucket);
  }
  if (groups.length === 1) return [{ range: ALL_KEYS, buckets: differing }];
  return groups.map((group) => ({ range: ALL_KEYS, buckets: group }));
}

/** The bucket of a negative key is negative. */
const allBuckets = (buckets: number): number[] =>
  Array.from({ length: 2 * buckets - 1 }, (_, i) => i - buckets + 1);

/** The rows of neighbouring parts together. */
export function joined(parts: readonly RowSelection[]): RowSelection {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('no parts to join');
  const range = { from: first.range.from, to: last.range.to };
  if (first.buckets === 'all') return { range, buckets: 'all' };
  return { range, buckets: [...new Set(parts.flatMap((part) => part.buckets as readonly number[]))] };
}

/**
 * BigQuery keeps 10 GB of a sorted result at most, compressed: https://cloud.google.com/bigquery/quotas#query_jobs. So a query reads about so many
 * rows.
 */
export const MAX_QUERY_ROWS = 20_000_000;

/** How many of some parts, which have so many rows together, one query reads. */
export const partsPerQuery = (parts: number, rows: number): number =>
  Math.max(1, Math.floor((MAX_QUERY_ROWS * parts) / Math.max(1, rows)));

/** Whether a row of the ordered rows belongs to this part or an earlier one. */
export function isUpTo({ range: { to }, buckets }: RowSelection, order: RowOrder): (row: Placed) => boolean {
  if (order === 'key') return to === null ? () => true : ({ key }) => BigInt(key) < to;
  const last = buckets === 'all' ? Number.POSITIVE_INFINITY : (buckets.at(-1) ?? Number.NEGATIVE_INFINITY);
  return ({ place }) => place <= last;
}

type Placed = { place: number; key: string };
