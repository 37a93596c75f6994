import { tick } from '../../../functions/extract/tick.ts';
import { asDataHubError } from '../../../shared/errors.ts';
import { isPassing } from '../../support/is-passing.ts';
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
  await tick('test', world.dependencies);
  for (let ticks = 0; ticks < MAX_TICKS; ticks += 1) {
    const extracted = await attempt(told, () => world.extract(view.name));
    if (extracted?.outcome === 'idle' && extracted.logRows === '0') return;
    if (extracted?.outcome === 'busy') await world.letLeasesAge();
    for (const announced of await world.takeAnnouncements(view)) {
      const applied = await attempt(told, () => world.apply(announced));
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
    await tick('test', world.dependencies);
    const { rows } = await world.control.query(
      `select halted_at is not null and not exists (select from etl.etl_error where dead_letter_due_at is not null) as is_done
       from etl.view_source where name = $1`,
      [view.name],
    );
    if (rows[0]?.is_done === true) return;
    try {
      const extracted = await world.extract(view.name);
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
): Promise<T | undefined> {
  try {
    const result = await step();
    told.push(JSON.stringify(result));
    return result;
  } catch (thrown) {
    const error = asDataHubError(thrown);
    told.push(`${error.kind}: ${error.message}`);
    if (!isPassing(error)) throw error;
    return undefined;
  }
}
