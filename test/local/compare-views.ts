import { TARGET_DATASET } from './cloud.ts';
import { type Comparison, compare, type Pair, type Sides } from './compare/compare.ts';
import { countTarget } from './compare/read-target.ts';
import type { ViewState } from './view-states.ts';

/** The source view and the table that must be equal to it. */
export function pairOf({ name, targetName, keyColumn, loadType, rules }: ViewState): Pair {
  return {
    view: name,
    target: `${TARGET_DATASET}.${targetName}`,
    keyColumn,
    keepsDeletedRows: loadType === 'merge',
    rules,
  };
}

/**
 * Compares views with their targets, one after the other. Nothing may write meanwhile. Throws when `signal` aborts.
 *
 * @param onRows gets the number of rows that were read, those of both sides, and about how many there are
 */
export async function compareViews(
  states: ViewState[],
  sides: Sides,
  { signal, onRows }: { signal?: AbortSignal; onRows?: (done: number, total: number) => void } = {},
): Promise<Comparison[]> {
  const pairs = states.map(pairOf);
  let total = 0;
  if (onRows !== undefined) {
    for (const { target, keepsDeletedRows } of pairs) {
      total += 2 * (await countTarget(sides.bigquery, target, keepsDeletedRows));
    }
  }
  const comparisons: Comparison[] = [];
  let done = 0;
  for (const pair of pairs) {
    signal?.throwIfAborted();
    const comparison = await compare(pair, sides, (rows) => onRows?.(done + rows, total));
    done += comparison.sourceRows + comparison.targetRows;
    onRows?.(done, total);
    comparisons.push(comparison);
  }
  return comparisons;
}
