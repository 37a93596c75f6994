import { MAX_STORED_DIFFERENCES } from '../../shared/control/consistency-checks.ts';
import type { ComparisonPlan, DifferenceKind } from '../../shared/model/consistency.ts';
import { type FoundDifference, matchRows } from '../../shared/model/match-rows.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { isSameValue } from '../../shared/model/same-value.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { pendingAmong, readHashes } from '../../shared/source/compare-rows.ts';
import { checkQuery, comparedRows, describeCompared, runName } from './compared.ts';
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
  { check, viewSource, deadline }: LeasedCheck,
  { buckets: bucketsInAll }: ComparisonPlan,
  buckets: readonly number[] | 'all',
  dependencies: Dependencies,
): Promise<FoundRows> {
  const { clock, warehouse } = dependencies;
  const step = `rows-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, step), deadline, dependencies, async (held) => {
    const { client, moment, release } = held;
    const view = await describeCompared(client, viewSource, dependencies);
    const query = checkQuery(check, viewSource, view, { buckets: bucketsInAll, ...moment, step });
    const target = warehouse.readHashes(query, buckets, deadline);
    // The query of a streamed target must end before a batch changes it.
    const [first] = await Promise.all([
      target.next(),
      viewSource.loadType === 'merge' ? release() : undefined,
    ]);
    await release();
    const pending = await findPending(client, view, moment, dependencies);
    const compared = await comparedRows(client, view, check, bucketsInAll);
    const byValue = query.columns.filter((column) => !isHashed(column));
    const isSame = (place: number, left: string | null, right: string | null): boolean => {
      const type = byValue[place]?.type;
      return type !== undefined && isSameValue(type, left, right);
    };
    // The keys that are pending can be asked for only when the rows have been read.
    const looked = await collect(
      matchRows(readHashes(client, compared, buckets), resume(first, target), isSame),
      MAX_STORED_DIFFERENCES + pending,
    );
    const found = await pendingAmong(
      client,
      view,
      looked.found.map(({ key }) => key),
    );
    return { ...settled(looked, found), pending };
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

/** All items of an iterator whose first one has been read. */
async function* resume<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
