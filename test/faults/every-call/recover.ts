import { extractView } from '../../../functions/extract/extract-view.ts';
import { tick } from '../../../functions/extract/tick.ts';
import { applyBatch } from '../../../shared/batch/apply-batch.ts';
import { asDataHubError, dispositionOf } from '../../../shared/errors.ts';
import { parseBatchEvent } from '../../../shared/events/messages.ts';
import type { HaltedView } from '../../../shared/runtime/handle.ts';
import { MERGE, STREAM, unlessHalted } from '../../support/installation.ts';
import type { ViewUnderTest } from './views.ts';
import type { World } from './world.ts';

/** So many ticks must be enough, whatever happened before. */
const MAX_TICKS = 8;

/**
 * Ticks as the scheduler does, and delivers what was announced, in a process that meets no fault, until there is nothing to do: no
 * operator, only time. Throws an error telling what was answered when the view does not come to rest.
 */
export async function comeToRest(world: World, view: ViewUnderTest): Promise<void> {
  const told: string[] = [];
  await tick('test', world.undisturbed);
  for (let ticks = 0; ticks < MAX_TICKS; ticks += 1) {
    const extracted = await attempt(told, () =>
      extractView(view.name, 'test', { functionName: 'extract', event: {} }, world.undisturbed),
    );
    if (extracted?.outcome === 'idle' && extracted.logRows === '0') return;
    if (extracted?.outcome === 'busy') await world.letLeasesAge();
    for (const announcement of await world.takeAnnouncements(view)) {
      const event = parseBatchEvent(announcement);
      const applier = view.applier === 'merge' ? MERGE : STREAM;
      const applied = await attempt(told, () =>
        applyBatch(event, applier, { functionName: view.applier, event: announcement }, world.undisturbed),
      );
      if (applied?.outcome === 'busy') await world.letLeasesAge();
    }
  }
  throw new Error(`the view does not come to rest: ${told.join('; ')}`);
}

/**
 * Ticks in a process that meets no fault until the view, one of whose rows is bad, is halted and the event is set aside. Throws an
 * error telling what was answered when it does not come to that.
 */
export async function comeToHalt(world: World, view: ViewUnderTest): Promise<void> {
  const told: string[] = [];
  for (let ticks = 0; ticks < MAX_TICKS; ticks += 1) {
    await world.letLettersAge();
    await tick('test', world.undisturbed);
    const { rows } = await world.control.query(
      `select halted_at is not null and not exists (select from etl.etl_error where dead_letter_due_at is not null) as is_done
       from etl.view_source where name = $1`,
      [view.name],
    );
    if (rows[0]?.is_done === true) return;
    try {
      const invocation = { functionName: 'extract', event: { view: view.name } };
      const extracted = await extractView(view.name, 'test', invocation, world.undisturbed);
      told.push(JSON.stringify(extracted));
      if (extracted.outcome === 'busy') await world.letLeasesAge();
    } catch (thrown) {
      told.push(asDataHubError(thrown).message);
    }
  }
  throw new Error(`the view does not halt: ${told.join('; ')}`);
}

/** What the step answered; undefined for a failure after which Pub/Sub brings the event again. */
async function attempt<T extends { outcome: string }>(
  told: string[],
  step: () => Promise<T>,
): Promise<Exclude<T, HaltedView> | undefined> {
  try {
    const result = unlessHalted(await step());
    told.push(JSON.stringify(result));
    return result;
  } catch (thrown) {
    const error = asDataHubError(thrown);
    told.push(`${error.kind}: ${error.message}`);
    if (!['retry', 'stop'].includes(dispositionOf(error))) throw error;
    return undefined;
  }
}
