import type pg from 'pg';
import { DataHubError } from '../../shared/errors.ts';
import { BucketSums, bucketCount } from '../../shared/model/buckets.ts';
import type { ComparisonPlan, Moment } from '../../shared/model/consistency.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { readRecentKeys, sumBuckets } from '../../shared/source/compare-rows.ts';
import { estimateRows, planSlices, type Slice } from '../../shared/source/fetch.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { checkQuery, comparedRows, describeCompared, runName, sinceOf } from './compared.ts';
import { drill, type FoundRows } from './drill.ts';
import type { LeasedCheck } from './leased-check.ts';
import { lookAtKeys } from './look-at-keys.ts';
import { atMoment } from './moment.ts';

export type FirstLook = FoundRows & { targetRows: number };

/**
 * Compares all rows of the view with those of its target: the sums of all buckets, and then the rows of those that differ. Returns null if its
 * time is up; the next call goes on with the parts that are left.
 */
export async function firstLook(leased: LeasedCheck, dependencies: Dependencies): Promise<FirstLook | null> {
  if (leased.check.mode === 'since') return await lookAtRecentRows(leased, dependencies);
  const plan = await sumSource(leased, dependencies);
  if (plan === null) return null;
  const { check, viewSource, deadline } = leased;
  const { control, warehouse } = dependencies;
  const begun = (await control.consistencyChecks.get(check.id)) ?? check;
  const moment = begun.moment as Moment;
  const source = await control.consistencyChecks.sums(check.id);
  const view = await inSnapshot(dependencies.source, (client) =>
    describeCompared(client, viewSource, dependencies),
  );
  const query = checkQuery(check, viewSource, view, { ...plan, ...moment, step: 'sums' });
  const target = new BucketSums(await warehouse.sumBuckets(query, deadline));
  const differing = source.differingFrom(target);
  const isByValue = query.columns.some((column) => !isHashed(column));
  const none: FirstLook = {
    found: [],
    counts: { missing: 0, extra: 0, different: 0, duplicate: 0 },
    targetRows: target.rows,
    pending: 0,
  };
  if (differing.length === 0 && !isByValue) return none;
  return { ...none, ...(await drill(leased, plan, isByValue ? 'all' : differing, dependencies)) };
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
  return { found: rows, counts, targetRows: keys.length, pending };
}

/** The keys of one query are a parameter of at most 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_RECENT_KEYS = 100_000;

/** Reads the sums of all parts of the source that are left. Returns null if its time is up. */
async function sumSource(leased: LeasedCheck, dependencies: Dependencies): Promise<ComparisonPlan | null> {
  const { check, deadline } = leased;
  let plan = check.plan ?? (await begin(leased, dependencies));
  while (plan.partsDone <= plan.cuts.length) {
    if (deadline.isNear()) return null;
    plan = await inSnapshot(dependencies.source, (client) => sumPart(client, leased, plan, dependencies));
  }
  return plan;
}

/** Takes the moment of the check, plans it, and reads its first part. */
async function begin(leased: LeasedCheck, dependencies: Dependencies): Promise<ComparisonPlan> {
  const { check, viewSource, lease, deadline } = leased;
  const { config, control, warehouse } = dependencies;
  return await atMoment(viewSource, runName(check, 'sums'), deadline, dependencies, async (held) => {
    const { client, moment, release } = held;
    const view = await describeCompared(client, viewSource, dependencies);
    const slices = await planSlices(client, view, { sliceRows: config.sliceRows, maxSlices: MAX_PARTS });
    const plan: ComparisonPlan = {
      buckets: bucketCount(await estimateRows(client, view)),
      cuts: slices.flatMap(({ to }) => (to === null ? [] : [to])),
      partsDone: 0,
    };
    await control.consistencyChecks.startLook(lease, check.id, { moment, plan });
    if (viewSource.loadType === 'bq-storage-api') {
      await warehouse.sumBuckets(
        checkQuery(check, viewSource, view, { ...plan, ...moment, step: 'sums' }),
        deadline,
      );
    }
    await release();
    return await sumPart(client, leased, plan, dependencies);
  });
}

/** So that every part of a large view is read well within the time limit. */
const MAX_PARTS = 1000;

async function sumPart(
  client: pg.ClientBase,
  { check, viewSource, lease, deadline }: LeasedCheck,
  plan: ComparisonPlan,
  dependencies: Dependencies,
): Promise<ComparisonPlan> {
  const { control, log } = dependencies;
  const view = await describeCompared(client, viewSource, dependencies);
  const slice: Slice = {
    from: plan.cuts[plan.partsDone - 1] ?? null,
    to: plan.cuts[plan.partsDone] ?? null,
  };
  const compared = await comparedRows(client, view, check, plan.buckets);
  const read = await deadline.enforce(`part ${plan.partsDone + 1} of check ${check.id}`, () =>
    sumBuckets(client, compared, slice),
  );
  const sums = await control.consistencyChecks.sums(check.id);
  sums.add(read);
  const next = { ...plan, partsDone: plan.partsDone + 1 };
  await control.consistencyChecks.notePart(lease, check.id, { plan: next, sums });
  log.info(
    {
      view: view.name,
      check: String(check.id),
      part: next.partsDone,
      parts: plan.cuts.length + 1,
      rows: sums.rows,
    },
    'check goes on',
  );
  return next;
}
