import { unlessForgotten } from '../../shared/batch/unless-forgotten.ts';
import { checkLease } from '../../shared/control/consistency-checks.ts';
import { Deadline } from '../../shared/deadline.ts';
import { asDataHubError, DataHubError, dispositionOf } from '../../shared/errors.ts';
import type { CheckEvent, ReconcileEvent } from '../../shared/events/reconcile-event.ts';
import type { ConsistencyCheck } from '../../shared/model/consistency.ts';
import { stopReason, type ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Invocation } from '../../shared/runtime/handle.ts';
import { advance, type CheckOutcome } from './advance.ts';
import { fail } from './finish.ts';

export type CheckViewResult =
  | CheckOutcome
  /** The view has an unfinished check, or another process works on this one. */
  | { outcome: 'already being checked'; view: string; check: string; state: string }
  | { outcome: 'already finished'; view: string; check: string }
  | { outcome: 'skipped'; view: string; reason: string };

/** A check that has found no moment or no batch for so long ends without an answer. */
const GIVE_UP_MS = 24 * 3_600_000;

/** Begins a check of one view and brings it as far as the time limit allows. A view has one check at a time: a second one is told. */
export async function checkView(
  { view, mode, since, repair, trigger = 'manual', by }: CheckEvent,
  dependencies: Dependencies,
  invocation: Pick<Invocation, 'isByHand'> = {},
): Promise<CheckViewResult> {
  const { control } = dependencies;
  const viewSource = await unlessForgotten(view, invocation, dependencies, () =>
    control.viewSources.get(view),
  );
  if (viewSource === null) return { outcome: 'skipped', view, reason: 'forgotten' };
  const reason = await whyNotNow(viewSource, dependencies);
  if (reason !== null) return { outcome: 'skipped', view, reason };
  if ((await control.checkpoints.read(view)) === null) {
    throw new DataHubError('invalid_event', `view ${view} has not been loaded yet`, {
      context: { view },
      advice: 'Wait until its first load is applied, then check it.',
    });
  }
  const { check, isNew } = await control.consistencyChecks.begin(view, {
    mode: since === undefined ? (mode ?? 'full') : 'since',
    sinceDays: since ?? null,
    trigger,
    requestedBy: by ?? null,
    repairs: repair ?? viewSource.autoRepair,
  });
  if (!isNew) return { outcome: 'already being checked', view, check: String(check.id), state: check.state };
  return await work(check, dependencies);
}

/** Goes on with a check. Safe to repeat and to run twice at once. */
export async function continueCheck(
  { view, check: id }: Extract<ReconcileEvent, { command: 'continue' }>,
  dependencies: Dependencies,
): Promise<CheckViewResult> {
  const check = await dependencies.control.consistencyChecks.get(id);
  return check === null || hasEnded(check) ? alreadyFinished(view, id) : await work(check, dependencies);
}

const hasEnded = ({ state }: Pick<ConsistencyCheck, 'state'>): boolean =>
  state === 'done' || state === 'failed';

const alreadyFinished = (view: string, id: bigint): CheckViewResult => ({
  outcome: 'already finished',
  ...{ view, check: String(id) },
});

async function whyNotNow(viewSource: ViewSource, { control }: Dependencies): Promise<string | null> {
  const stopped = stopReason(viewSource);
  if (stopped !== null) return stopped;
  if (viewSource.resyncRequestedAt !== null) return 'a resync is requested';
  return (await control.jobUsage.isOverBudget(viewSource.name)) ? 'over budget' : null;
}

/** Works on a check under its lease. A failure that no later call can mend ends the check. */
async function work(
  { id, view, state }: ConsistencyCheck,
  dependencies: Dependencies,
): Promise<CheckViewResult> {
  const { clock, config, control } = dependencies;
  const lease = await control.leases.acquire(view, config.leaseSeconds, checkLease(view));
  if (lease === null) return { outcome: 'already being checked', view, check: String(id), state };
  using deadline = new Deadline(clock, config.timeLimitSeconds);
  return await control.leases.withLease(lease, deadline, async () => {
    // Read again: another process may have worked on it since.
    const check = await control.consistencyChecks.get(id);
    if (check === null || hasEnded(check)) return alreadyFinished(view, id);
    const viewSource = await control.viewSources.get(view);
    const isTooOld = clock.nowMs() - check.startedAt.getTime() > GIVE_UP_MS;
    const reason = isTooOld ? 'it found no answer within a day' : await whyNotNow(viewSource, dependencies);
    if (reason !== null) {
      await fail({ check, lease }, reason, dependencies);
      return { outcome: 'skipped', view, reason };
    }
    try {
      return await advance({ check, viewSource, lease, deadline }, dependencies);
    } catch (thrown) {
      const error = asDataHubError(deadline.signal.aborted ? deadline.signal.reason : thrown);
      const disposition = dispositionOf(error);
      if (disposition !== 'retry' && disposition !== 'stop') {
        await fail({ check, lease }, error.message, dependencies);
      }
      throw error.withContext({ view });
    }
  });
}
