import type { BigQuery } from '@google-cloud/bigquery';
import { TARGET_DATASET } from './cloud.ts';
import { type Comparison, compare, type Pair } from './compare/compare.ts';
import type { ViewState } from './view-states.ts';

/** The source view and the table that must be equal to it. */
export function pairOf({ name, targetName, keyColumn, loadType }: ViewState): Pair {
  return {
    view: name,
    target: `${TARGET_DATASET}.${targetName}`,
    keyColumn,
    keepsDeletedRows: loadType === 'merge',
  };
}

/** Compares views with their targets, one after the other. Nothing may write meanwhile. Throws when `signal` aborts. */
export async function compareViews(
  states: ViewState[],
  sides: { sourceUrl: string; bigquery: BigQuery },
  signal?: AbortSignal,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const state of states) {
    signal?.throwIfAborted();
    comparisons.push(await compare(pairOf(state), sides));
  }
  return comparisons;
}
