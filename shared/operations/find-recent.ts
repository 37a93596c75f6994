import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { ComparedRows } from '../source/compare-rows.ts';
import { readRecentRows } from '../source/recent-rows.ts';
import type { RecentKeys } from '../warehouse/compare-rows.ts';

/** The keys of one query are a parameter of at most 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_RECENT_KEYS = 100_000;

/** Finds the rows that were changed since then, in the snapshot of `client`. Throws `invalid_event` if they are too many. */
export async function findRecent(
  client: pg.ClientBase,
  { view, options }: Pick<ComparedRows, 'view' | 'options'>,
  { loadType, partition }: Pick<ViewSource, 'loadType' | 'partition'>,
  since: Date,
): Promise<RecentKeys> {
  // A streamed target is read whole anyway. When a row came to the target, the source does not tell.
  const column =
    loadType === 'merge' ? view.columns.find(({ name }) => name === partition?.column) : undefined;
  const found = await readRecentRows(
    client,
    { view, options },
    since,
    column?.name ?? null,
    MAX_RECENT_KEYS + 1,
  );
  if (found.keys.length > MAX_RECENT_KEYS) {
    throw new DataHubError(
      'invalid_event',
      `view ${view.name}: more than ${MAX_RECENT_KEYS} rows changed in that time`,
      { context: { view: view.name }, advice: 'Give fewer days, or check the view as a whole.' },
    );
  }
  if (column === undefined || partition === null) return { keys: found.keys, partitions: null };
  const { name, type } = column;
  return {
    keys: found.keys,
    partitions: { column: name, type, granularity: partition.granularity, texts: found.texts },
  };
}
