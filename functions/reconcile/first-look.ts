import { isDeepStrictEqual } from 'node:util';
import { type BucketSum, BucketSums, bucketCount } from '../../shared/model/buckets.ts';
import { type DifferenceCounts, NO_DIFFERENCES } from '../../shared/model/consistency.ts';
import { type KeyRange, rowParts } from '../../shared/model/drill.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { comparedColumns, describeCompared } from '../../shared/operations/describe-compared.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { sumBuckets } from '../../shared/source/compare-rows.ts';
import { estimateRows, hasIntegerKey, planSlices } from '../../shared/source/plan-slices.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { checkQuery, describeColumns, describePart, runName } from './compared.ts';
import { drillDown } from './drill.ts';
import { inTime } from './in-time.ts';
import type { BegunCheck, LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { lookAtRecentRows } from './recent-look.ts';

/** What a first look read and found. The rows that differ are recorded with the check. */
export type FirstLook = {
  counts: DifferenceCounts;
  /** How many keys the target need not show yet. */
  pending: number;
  sourceRows: number;
  targetRows: number;
};

/**
 * Compares all rows of the view with those of its target: the sums of all buckets, and then the rows of those that differ. Returns null if its
 * time is up; the next call goes on with the parts that are left.
 */
export async function firstLook(leased: LeasedCheck, dependencies: Dependencies): Promise<FirstLook | null> {
  if (leased.check.mode === 'since') return await lookAtRecentRows(leased, dependencies);
  const begun = await begin(leased, dependencies);
  const [source, target] = await Promise.all([
    sumSource(begun, dependencies),
    sumTarget(begun, dependencies),
  ]);
  if (source === null) return null;
  const rows = { sourceRows: source.rows, targetRows: target.sums.rows };
  const differing = target.isProof ? source.differingFrom(target.sums) : 'all';
  if (differing.length === 0) return { ...rows, counts: NO_DIFFERENCES, pending: 0 };
  const rowsOf = (bucket: number) => Math.max(source.rowsOf(bucket), target.sums.rowsOf(bucket));
  const parts = rowParts(begun.plan, differing, rowsOf);
  const found = await drillDown({ begun, parts, rowsOf }, dependencies);
  return found === null ? null : { ...rows, ...found };
}

/** So that every part of a large view is read well within the time limit. */
const MAX_PARTS = 1000;

/**
 * Takes the moment of a check and plans it, unless an earlier call did, and the view still has the columns of then. A streamed target is read at once, since it
 * keeps no history.
 */
async function begin(leased: LeasedCheck, dependencies: Dependencies): Promise<BegunCheck> {
  const { check, viewSource, lease, deadline } = leased;
  const { clock, config, control, source, warehouse } = dependencies;
  const { moment, plan } = check;
  if (moment !== null && plan !== null) {
    const view = await inSnapshot(source, (client) => describeCompared(client, viewSource, dependencies));
    const columns = describeColumns(comparedColumns(view, check));
    if (isDeepStrictEqual(columns, plan.columns)) return { ...leased, moment, plan };
  }
  // An attempt that ended before it recorded its moment must not give this one its time.
  const step = `sums-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, step), deadline, dependencies, async (held) => {
    const view = await describeCompared(held.client, viewSource, dependencies);
    const slices = await planSlices(held.client, view, { sliceRows: config.sliceRows, maxSlices: MAX_PARTS });
    // A table of the source that nobody has analyzed has no estimate.
    const target = await warehouse.findTarget(viewSource);
    const rows = Math.max(await estimateRows(held.client, view), Number(target?.rows ?? 0));
    const begun: BegunCheck = {
      ...leased,
      moment: held.moment,
      plan: {
        buckets: bucketCount(rows),
        cuts: slices.flatMap(({ to }) => (to !== null && hasIntegerKey(view) ? [BigInt(to)] : [])),
        partRows: config.sliceRows,
        columns: describeColumns(comparedColumns(view, check)),
        partsDone: 0,
      },
    };
    await control.consistencyChecks.startLook(lease, check.id, begun);
    if (viewSource.loadType === 'bq-storage-api') await sumTarget(begun, dependencies);
    return begun;
  });
}

/** The sums of the target, and whether they prove equal what they agree on. The query has one name for each moment, so that it is billed once. */
async function sumTarget(
  begun: BegunCheck,
  dependencies: Dependencies,
): Promise<{ sums: BucketSums; isProof: boolean }> {
  const { source, warehouse } = dependencies;
  const compared = await inSnapshot(source, (client) => describePart(client, begun, dependencies));
  const step = `sums-${begun.moment.targetAsOf.replaceAll(/\D/g, '')}`;
  const query = checkQuery(begun, compared, begun.moment, step);
  const sums = new BucketSums(await warehouse.sumBuckets(query, begun.deadline));
  return { sums, isProof: compared.columns.every(isHashed) };
}

/** The sums of the source, part by part. Returns null if the time is up: a later call reads the parts that are left. */
async function sumSource(begun: BegunCheck, dependencies: Dependencies): Promise<BucketSums | null> {
  const { check, lease, deadline } = begun;
  const { control, log } = dependencies;
  const sums = await control.consistencyChecks.sums(check.id);
  const { cuts } = begun.plan;
  for (let { partsDone } = begun.plan; partsDone <= cuts.length; ) {
    if (deadline.isNear()) return null;
    const range: KeyRange = { from: cuts[partsDone - 1] ?? null, to: cuts[partsDone] ?? null };
    sums.add(await sumPart(begun, range, dependencies));
    partsDone += 1;
    const plan = { ...begun.plan, partsDone };
    await control.consistencyChecks.notePart(lease, check.id, { plan, sums });
    const progress = { reads: 'sums', part: partsDone, parts: cuts.length + 1, rows: sums.rows };
    log.info({ view: check.view, check: String(check.id), ...progress }, 'check goes on');
  }
  return sums;
}

async function sumPart(begun: BegunCheck, range: KeyRange, dependencies: Dependencies): Promise<BucketSum[]> {
  const { check, deadline } = begun;
  return await inSnapshot(dependencies.source, async (client) => {
    const compared = await describePart(client, begun, dependencies);
    return await inTime(client, deadline, `a part of check ${check.id}`, () =>
      sumBuckets(client, compared, range),
    );
  });
}
