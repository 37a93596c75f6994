import { setTimeout as elapse } from 'node:timers/promises';
import { isRepairable } from '../../shared/control/consistency-checks.ts';
import { MAX_STORED_DIFFERENCES } from '../../shared/control/drills.ts';
import {
  type CheckState,
  type Difference,
  type DifferenceCounts,
  totalOf,
} from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { adviseOnIrreparable, adviseResync } from './advise.ts';
import { explain } from './explain.ts';
import { type CheckEnd, type CheckFindings, finish } from './finish.ts';
import { firstLook } from './first-look.ts';
import type { LeasedCheck } from './leased-check.ts';
import { lookAtKeys } from './look-at-keys.ts';
import { writeReport } from './report.ts';
import { whyNotRepaired } from './why-not-repaired.ts';

export type CheckOutcome =
  | CheckEnd
  /** Waiting: for the next batch of the view. Continued: this call stopped before its time limit and asked for another. */
  | { outcome: 'waiting' | 'continued'; view: string; check: string; state: string };

type Step = (leased: LeasedCheck, dependencies: Dependencies) => Promise<CheckOutcome | 'next state'>;

const STEPS: Record<CheckState, Step> = {
  comparing: compare,
  confirming: confirm,
  repairing: verify,
  done: ended,
  failed: ended,
};

/** Brings a check from state to state, as far as the time allows. */
export async function advance(leased: LeasedCheck, dependencies: Dependencies): Promise<CheckOutcome> {
  for (let current = leased; ; ) {
    const outcome = await STEPS[current.check.state](current, dependencies);
    if (outcome !== 'next state') return outcome;
    const check = await dependencies.control.consistencyChecks.get(leased.check.id);
    if (check === null) throw new RangeError(`check ${leased.check.id} is gone`);
    current = { ...leased, check };
  }
}

/** The first look: compares all rows. */
async function compare(
  leased: LeasedCheck,
  dependencies: Dependencies,
): Promise<CheckOutcome | 'next state'> {
  const { control, events } = dependencies;
  const { check, lease } = leased;
  const look = await firstLook(leased, dependencies);
  if (look === null) {
    await events.continueCheck(check.view, check.id);
    return { ...nameOf(leased), outcome: 'continued' };
  }
  const { counts, ...read } = look;
  await control.consistencyChecks.noteLook(lease, check.id, read);
  const all = totalOf(counts);
  if (all === 0) return await finish(leased, { differences: [], counts, left: 0 }, dependencies);
  if (all > MAX_STORED_DIFFERENCES && check.isRecount) {
    const why = `${all} rows differ, more than are looked at one by one`;
    const advice = adviseResync(leased);
    return await finish(leased, { differences: [], counts, left: all, why, advice }, dependencies);
  }
  await control.consistencyChecks.confirmLater(lease, check);
  return 'next state';
}

/** The second look, after a batch: a row that differs still is reported, and repaired if that is wanted. If too many differed, all rows are compared again. */
async function confirm(
  leased: LeasedCheck,
  dependencies: Dependencies,
): Promise<CheckOutcome | 'next state'> {
  const { control } = dependencies;
  const { check, lease } = leased;
  if (!(await awaitBatch(leased, 'check', dependencies))) return { ...nameOf(leased), outcome: 'waiting' };
  const suspected = await control.consistencyChecks.differences(check.id);
  if (suspected.length >= MAX_STORED_DIFFERENCES && !check.isRecount) {
    await control.consistencyChecks.recount(lease, check);
    return 'next state';
  }
  const keys = suspected.map(({ key }) => key);
  const look = await lookAtKeys(leased, 'second', keys, dependencies);
  const { rows } = look;
  const explained = await explain(leased, look, dependencies);
  const differences = explained.map(({ key, kind, columns, why }): Difference => {
    return { key, kind, columns, class: why.class, isRepaired: false };
  });
  const counts = countKinds(differences);
  if (rows.length === 0) return await finish(leased, { differences, counts, left: 0 }, dependencies);
  const report = await writeReport(check, explained, dependencies);
  const notRepaired = whyNotRepaired(leased, differences);
  if (notRepaired !== null) {
    const found = { differences, counts, left: rows.length, report, ...notRepaired };
    return await finish(
      leased,
      withAdvice(found, adviseOnIrreparable(leased, rows, dependencies)),
      dependencies,
    );
  }
  await control.consistencyChecks.queueRepairs(lease, check, differences, report);
  return 'next state';
}

/** A row that changes all the time is never proved equal: it counts as neither repaired nor different. */
const PENDING_PATIENCE_MS = 600_000;

/** The third look, after the batches that carried the repaired rows. Rows that have changed again wait for their next batch. */
async function verify(leased: LeasedCheck, dependencies: Dependencies): Promise<CheckOutcome | 'next state'> {
  const { clock, config, control } = dependencies;
  const { check, lease } = leased;
  if (!(await awaitBatch(leased, 'repair', dependencies))) return { ...nameOf(leased), outcome: 'waiting' };
  const differences = await control.consistencyChecks.differences(check.id);
  const keys = differences.map(({ key }) => key);
  const { rows, pending } = await lookAtKeys(leased, 'third', keys, dependencies);
  if (pending.size > 0 && clock.nowMs() - check.stateAt.getTime() < PENDING_PATIENCE_MS) {
    await control.consistencyChecks.lookAgainLater(lease, check, config.checkSettleSeconds);
    return 'next state';
  }
  const left = new Set(rows.map(({ key }) => key));
  const looked = differences.map((each) => ({
    ...each,
    isRepaired: isRepairable(each) && !left.has(each.key) && !pending.has(each.key),
  }));
  const counts = countKinds(differences);
  const found = { differences: looked, counts, left: left.size };
  return await finish(
    leased,
    withAdvice(found, adviseOnIrreparable(leased, rows, dependencies)),
    dependencies,
  );
}

async function ended({ check }: LeasedCheck): Promise<CheckOutcome> {
  throw new RangeError(`check ${check.id} has ended already`);
}

const POLL_MS = 250;

/**
 * Waits until the next look may begin: after a batch of the view, or a capture that finds nothing, which it asks for as soon as that counts. Returns false if
 * it does not come soon.
 */
async function awaitBatch(
  { check, deadline }: LeasedCheck,
  trigger: string,
  { clock, config, control, events }: Dependencies,
): Promise<boolean> {
  const endMs = clock.nowMs() + config.checkWaitSeconds * 1000;
  for (let isRequested = false; ; ) {
    const { isReady, isSettled } = await control.consistencyChecks.readiness(
      check.id,
      config.checkSettleSeconds,
    );
    if (isReady) return true;
    if (isSettled && !isRequested) {
      await events.requestExtract(check.view, trigger);
      isRequested = true;
    }
    if (clock.nowMs() >= endMs || deadline.isNear()) return false;
    await elapse(POLL_MS);
  }
}

function withAdvice(found: CheckFindings, further: string | null): CheckFindings {
  if (further === null) return found;
  return { ...found, advice: found.advice === undefined ? further : `${further} ${found.advice}` };
}

const nameOf = ({ check }: LeasedCheck) => ({
  view: check.view,
  check: String(check.id),
  state: check.state,
});

function countKinds(differences: readonly Difference[]): DifferenceCounts {
  const counts = { missing: 0, extra: 0, different: 0, duplicate: 0 };
  for (const { kind } of differences) counts[kind] += 1;
  return counts;
}
