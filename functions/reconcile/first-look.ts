import { DataHubError } from '../../shared/errors.ts';
import { type BucketSum, BucketSums, bucketCount } from '../../shared/model/buckets.ts';
import type { ComparisonPlan, Moment } from '../../shared/model/consistency.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { describeCompared } from '../../shared/operations/describe-compared.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { readRecentKeys, sumBuckets } from '../../shared/source/compare-rows.ts';
import { estimateRows, planSlices, type Slice } from '../../shared/source/fetch.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { checkQuery, describeComparison, runName, sinceOf } from './compared.ts';
import { drill, type FoundRows } from './drill.ts';
import { inTime } from './in-time.ts';
import type { LeasedCheck } from './leased-check.ts';
import { lookAtKeys } from './look-at-keys.ts';
import { atMoment } from './moment.ts';

export type FirstLook = FoundRows & { sourceRows: number; targetRows: number };

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
  const differing = source.differingFrom(target.sums);
  const none = { found: [], counts: { missing: 0, extra: 0, different: 0, duplicate: 0 }, pending: 0 };
  const found =
    differing.length === 0 && target.isProof
      ? none
      : await drill(leased, begun.plan, target.isProof ? differing : 'all', dependencies);
  return { ...found, sourceRows: source.rows, targetRows: target.sums.rows };
}

/** Compares the rows that were changed within the days of the check. Rows that are only in the target have no such time. */
async function lookAtRecentRows(leased: LeasedCheck, dependencies: Dependencies): Promise<FirstLook> {
  const { check, viewSource } = leased;
  const keys = await inSnapshot(dependencies.source, async (client) => {
    const view = await describeCompared(client, viewSource, dependencies);
    return await readRecentKeys(client, view, sinceOf(check), MAX_RECENT_KEYS + 1);
  });
  if (keys.length > MAX_RECENT_KEYS) {
    throw new DataHubError(
      'invalid_event',
      `view ${check.view}: more than ${MAX_RECENT_KEYS} rows changed in that time`,
      {
        context: { view: check.view },
        advice: 'Give fewer days, or check the view as a whole.',
      },
    );
  }
  const { rows, pending } = await lookAtKeys(leased, 'recent', keys, dependencies);
  const counts = { missing: 0, extra: 0, different: 0, duplicate: 0 };
  for (const { kind } of rows) counts[kind] += 1;
  const missing = rows.filter(({ kind }) => kind === 'missing').length;
  return {
    ...{ found: rows, counts, pending: pending.size },
    ...{ sourceRows: keys.length, targetRows: keys.length - missing },
  };
}

/** The keys of one query are a parameter of at most 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_RECENT_KEYS = 100_000;

type BegunCheck = LeasedCheck & { moment: Moment; plan: ComparisonPlan };

/** So that every part of a large view is read well within the time limit. */
const MAX_PARTS = 1000;

/** Takes the moment of a check and plans it, unless an earlier call did. A streamed target is read at once, since it keeps no history. */
async function begin(leased: LeasedCheck, dependencies: Dependencies): Promise<BegunCheck> {
  const { check, viewSource, lease, deadline } = leased;
  const { clock, config, control, warehouse } = dependencies;
  const { moment, plan } = check;
  if (moment !== null && plan !== null) return { ...leased, moment, plan };
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
        cuts: slices.flatMap(({ to }) => (to === null ? [] : [to])),
        partsDone: 0,
      },
    };
    await control.consistencyChecks.startLook(lease, check.id, begun);
    if (viewSource.loadType === 'bq-storage-api') await sumTarget(begun, dependencies);
    return begun;
  });
}

/** The sums of the target, and whether they prove equal what they agree on. The query has one name, so that it is billed once. */
async function sumTarget(
  begun: BegunCheck,
  dependencies: Dependencies,
): Promise<{ sums: BucketSums; isProof: boolean }> {
  const { source, warehouse } = dependencies;
  const compared = await inSnapshot(source, (client) =>
    describeComparison(client, begun, begun.plan.buckets, dependencies),
  );
  const query = checkQuery(begun, compared, begun.moment, 'sums');
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
    const slice: Slice = { from: cuts[partsDone - 1] ?? null, to: cuts[partsDone] ?? null };
    sums.add(await sumPart(begun, slice, dependencies));
    partsDone += 1;
    const plan = { ...begun.plan, partsDone };
    await control.consistencyChecks.notePart(lease, check.id, { plan, sums });
    const progress = { part: partsDone, parts: cuts.length + 1, rows: sums.rows };
    log.info({ view: check.view, check: String(check.id), ...progress }, 'check goes on');
  }
  return sums;
}

async function sumPart(begun: BegunCheck, slice: Slice, dependencies: Dependencies): Promise<BucketSum[]> {
  const { check, deadline, plan } = begun;
  return await inSnapshot(dependencies.source, async (client) => {
    const compared = await describeComparison(client, begun, plan.buckets, dependencies);
    return await inTime(client, deadline, `a part of check ${check.id}`, () =>
      sumBuckets(client, compared, slice),
    );
  });
}
