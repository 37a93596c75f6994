import { MAX_STORED_DIFFERENCES } from '../../shared/control/consistency-checks.ts';
import type { ComparisonPlan, DifferenceKind } from '../../shared/model/consistency.ts';
import { type FoundDifference, matchRows } from '../../shared/model/match-rows.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { isSameValue } from '../../shared/model/same-value.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { pendingAmong, readHashes } from '../../shared/source/compare-rows.ts';
import { checkQuery, describeComparison, runName } from './compared.ts';
import { inTime } from './in-time.ts';
import type { LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { findPending } from './pending.ts';

export type FoundRows = {
  /** The rows that differ, up to MAX_STORED_DIFFERENCES. */
  found: FoundDifference[];
  /** How many differ in all. */
  counts: Record<DifferenceKind, number>;
  /** How many keys the target need not show yet. */
  pending: number;
};

/** Compares the rows of some buckets, or of all, in a snapshot and at a moment of their own. */
export async function drill(
  leased: LeasedCheck,
  plan: ComparisonPlan,
  buckets: readonly number[] | 'all',
  dependencies: Dependencies,
): Promise<FoundRows> {
  const { check, viewSource, deadline } = leased;
  const { clock, warehouse } = dependencies;
  const step = `rows-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, step), deadline, dependencies, async (held) => {
    const { client, moment, release } = held;
    const compared = await describeComparison(client, leased, plan.buckets, dependencies);
    const query = checkQuery(leased, compared, moment, step);
    if (query.asOf !== null) await release();
    const target = await warehouse.readHashes(query, buckets, deadline);
    await release();
    const pending = await findPending(held, compared.view, dependencies);
    const byValue = query.columns.filter((column) => !isHashed(column));
    const isSame = (place: number, left: string | null, right: string | null): boolean => {
      const type = byValue[place]?.type;
      return type !== undefined && isSameValue(type, left, right);
    };
    const looked = await inTime(client, deadline, `the comparison of rows of check ${check.id}`, () =>
      collect(
        matchRows(readHashes(client, compared, buckets), target, isSame),
        MAX_STORED_DIFFERENCES + pending,
      ),
    );
    // Only when the rows have been read can the connection tell which keys are pending.
    const keys = looked.found.map(({ key }) => key);
    return { ...settled(looked, await pendingAmong(client, compared.view, keys)), pending };
  });
}

/** Counts the differences, and keeps the first of them. */
async function collect(
  differences: AsyncIterable<FoundDifference>,
  limit: number,
): Promise<Pick<FoundRows, 'found' | 'counts'>> {
  const counts = { missing: 0, extra: 0, different: 0, duplicate: 0 };
  const found: FoundDifference[] = [];
  for await (const each of differences) {
    counts[each.kind] += 1;
    if (found.length < limit) found.push(each);
  }
  return { found, counts };
}

/** Leaves out the keys that the target need not show yet. */
function settled(
  { found, counts }: Pick<FoundRows, 'found' | 'counts'>,
  pending: ReadonlySet<string>,
): Pick<FoundRows, 'found' | 'counts'> {
  const left = { ...counts };
  for (const { key, kind } of found) if (pending.has(key)) left[kind] -= 1;
  return {
    found: found.filter(({ key }) => !pending.has(key)).slice(0, MAX_STORED_DIFFERENCES),
    counts: left,
  };
}
