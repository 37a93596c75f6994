import type pg from 'pg';
import { DataHubError } from '../../shared/errors.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { ComparedRows } from '../../shared/source/compare-rows.ts';
import { readHashesByKey } from '../../shared/source/hashed-rows.ts';
import { readRecentRows } from '../../shared/source/recent-rows.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import type { RecentKeys } from '../../shared/warehouse/compare-rows.ts';
import { compareHashes } from './compare-hashes.ts';
import { checkQuery, describeComparison, runName, sinceOf } from './compared.ts';
import type { FirstLook } from './first-look.ts';
import { inTime } from './in-time.ts';
import type { LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { findPending } from './pending.ts';

/** The keys of one query are a parameter of at most 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_RECENT_KEYS = 100_000;

/**
 * Compares the rows that were changed within the days of the check, and records those that differ. Rows that are only in the target have no such time. Of a merged target only
 * the partitions are read to which these rows belong: a copy in another partition looks missing, and the second look finds it.
 */
export async function lookAtRecentRows(leased: LeasedCheck, dependencies: Dependencies): Promise<FirstLook> {
  const { check, viewSource, lease, deadline } = leased;
  const { clock, control, source, warehouse } = dependencies;
  const recent = await inSnapshot(source, async (client) => {
    const compared = await describeComparison(client, leased, 1, dependencies);
    return await findRecent(client, compared, viewSource, sinceOf(check));
  });
  const step = `recent-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, step), deadline, dependencies, async (held) => {
    const { client, moment, release } = held;
    const compared = await describeComparison(client, leased, 1, dependencies);
    const query = checkQuery(leased, compared, moment, step);
    if (query.asOf !== null) await release();
    const target = await warehouse.readHashesByKey(query, recent, deadline);
    await release();
    const pending = await findPending(held, compared.view, dependencies);
    const sides = { source: readHashesByKey(client, compared, recent.keys), target };
    const found = await inTime(client, deadline, `the comparison of rows of check ${check.id}`, () =>
      compareHashes(client, compared, sides, pending),
    );
    await control.consistencyChecks.noteRecentRows(lease, check.id, found.found);
    const targetRows = recent.keys.length - found.counts.missing;
    return { counts: found.counts, pending, sourceRows: recent.keys.length, targetRows };
  });
}

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
