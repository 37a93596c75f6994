import { sinceOf } from '../../shared/model/consistency.ts';
import { findRecent } from '../../shared/operations/find-recent.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { readHashesByKey } from '../../shared/source/hashed-rows.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { compareHashes } from './compare-hashes.ts';
import { checkQuery, describeComparison, runName } from './compared.ts';
import type { FirstLook } from './first-look.ts';
import { inTime } from './in-time.ts';
import type { LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { findPending } from './pending.ts';

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
