import { tick } from '../../../functions/extract/tick.ts';
import { dispatch as reconcile } from '../../../functions/reconcile/reconcile.ts';
import { asDataHubError } from '../../../shared/errors.ts';
import { isRecoverable } from '../../support/is-recoverable.ts';
import type { ViewUnderTest } from './views.ts';
import type { World } from './world.ts';

/** After any fault, this many ticks must be enough. */
const MAX_TICKS = 8;

/**
 * Ticks as the scheduler does, and delivers announced batches and checks, in a process without faults, until there is no work left. No operator
 * helps, only time passes. `checks` are events of reconcile that Pub/Sub delivers again. When work is still left after all ticks, throws an error
 * with the outcome of every step.
 */
export async function tickUntilIdle(
  world: World,
  view: ViewUnderTest,
  checks: readonly object[] = [],
): Promise<void> {
  const outcomes: string[] = [];
  let undelivered = checks;
  for (let ticks = 0; ticks < MAX_TICKS; ticks += 1) {
    await tick('test', world.dependencies);
    const events = [...undelivered, ...(await world.takeChecks())];
    undelivered = await deliverChecks(outcomes, world, events);
    const extracted = await attempt(outcomes, () => world.extract(view.name));
    const isIdle = extracted?.outcome === 'idle' && extracted.logRows === '0';
    if (isIdle && events.length === 0 && !(await world.hasUnfinishedCheck())) return;
    if (extracted?.outcome === 'busy') await world.expireLeases();
    for (const announced of await world.takeAnnouncements(view)) {
      const applied = await attempt(outcomes, () => world.apply(announced));
      if (applied?.outcome === 'busy') await world.expireLeases();
    }
  }
  throw new Error(`the view still has work: ${outcomes.join('; ')}`);
}

/** Returns the events that must be delivered again. */
async function deliverChecks(outcomes: string[], world: World, events: readonly object[]): Promise<object[]> {
  const failed: object[] = [];
  for (const event of events) {
    const step = () => reconcile(event, { functionName: 'reconcile', event }, world.dependencies);
    const result = await attempt(outcomes, step as () => Promise<{ outcome: string }>);
    if (result === undefined) failed.push(event);
    if (result?.outcome === 'already being checked') await world.expireLeases();
  }
  return failed;
}

/**
 * Ticks in a process without faults until the view with the bad row is halted and its event is dead-lettered. When that does not
 * happen, throws an error with the outcome of every step.
 */
export async function tickUntilHalted(world: World, view: ViewUnderTest): Promise<void> {
  const outcomes: string[] = [];
  for (let ticks = 0; ticks < MAX_TICKS; ticks += 1) {
    await world.expireDeadLetterClaims();
    await tick('test', world.dependencies);
    const { rows } = await world.control.query(
      `select halted_at is not null and not exists (select from etl.etl_error where dead_letter_due_at is not null) as is_done
       from etl.view_source where name = $1`,
      [view.name],
    );
    if (rows[0]?.is_done === true) return;
    try {
      const extracted = await world.extract(view.name);
      outcomes.push(JSON.stringify(extracted));
      if (extracted.outcome === 'busy') await world.expireLeases();
    } catch (thrown) {
      outcomes.push(asDataHubError(thrown).message);
    }
  }
  throw new Error(`the view does not halt: ${outcomes.join('; ')}`);
}

/** Returns the result of the step; undefined after an error for which Pub/Sub delivers the event again. */
async function attempt<T extends { outcome: string }>(
  outcomes: string[],
  step: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const result = await step();
    outcomes.push(JSON.stringify(result));
    return result;
  } catch (thrown) {
    const error = asDataHubError(thrown);
    outcomes.push(`${error.kind}: ${error.message}`);
    if (!isRecoverable(error)) throw error;
    return undefined;
  }
}
