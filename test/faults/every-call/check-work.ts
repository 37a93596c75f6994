import assert from 'node:assert/strict';
import type { DifferenceKind } from '../../../shared/model/consistency.ts';
import type { ViewUnderTest } from './views.ts';
import type { Changes, World } from './world.ts';

/** A call of a check: it finds nothing, it looks at all rows for the first, second or third time, or at fewer columns or rows. */
export type CheckWork = 'equal' | 'first look' | 'second look' | 'third look' | 'keys' | 'since';

/** A row that differs, and how a check must report it. */
export type Damage = { key: string; kind: DifferenceKind };

/** What a check must find, and its next event. */
export type PreparedCheck = { event: object; changes: Changes; damage: Damage[] };

const ONE_EACH: Changes = { added: 1, changed: 1, deleted: 1 };

/** The changes that the application makes without log rows: those that the check can see. */
const UNLOGGED: Readonly<Record<CheckWork, Changes>> = {
  equal: { added: 0, changed: 0, deleted: 0 },
  'first look': ONE_EACH,
  'second look': ONE_EACH,
  'third look': ONE_EACH,
  keys: { added: 1, changed: 0, deleted: 1 },
  since: { added: 1, changed: 1, deleted: 0 },
};

const OPTIONS: Partial<Record<CheckWork, object>> = {
  equal: {},
  keys: { mode: 'keys' },
  since: { since: 1 },
};

export const isCheckWork = (work: string): work is CheckWork => Object.hasOwn(UNLOGGED, work);

/** Damages the view, and checks it in this process until the call of the situation is next. */
export async function prepareCheck(
  world: World,
  view: ViewUnderTest,
  work: CheckWork,
): Promise<PreparedCheck> {
  const changes = UNLOGGED[work];
  const damage = await world.changeUnlogged(view, changes);
  const options = { repair: true, ...OPTIONS[work] };
  const prepared = { changes: asRecorded(view, changes), damage, event: { view: view.name, ...options } };
  if (work !== 'second look' && work !== 'third look') return prepared;
  const check = await world.check(options, view.name);
  assert.equal(check.outcome, 'waiting');
  await world.catchUp(view.name);
  if (work === 'third look') {
    await world.continueCheck(check);
    await world.catchUp(view.name);
  }
  return { ...prepared, event: { view: check.view, check: check.check } };
}

/** The batch of a streamed view cannot tell whether a row that no log row names is new. */
const asRecorded = ({ applier }: ViewUnderTest, { added, changed, deleted }: Changes): Changes =>
  applier === 'merge' ? { added, changed, deleted } : { added: 0, changed: added + changed, deleted };

/** Damages the view, and checks it in this process until its keys are queued for the batch that repairs it. */
export async function prepareRepair(
  world: World,
  view: ViewUnderTest,
): Promise<Omit<PreparedCheck, 'event'>> {
  const { event: _, ...prepared } = await prepareCheck(world, view, 'second look');
  const [unfinished] = await world.dependencies.control.consistencyChecks.unattended();
  assert.ok(unfinished !== undefined);
  await world.continueCheck({ view: view.name, check: String(unfinished.id) });
  return prepared;
}
