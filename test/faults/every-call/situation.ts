import { extractView } from '../../../functions/extract/extract-view.ts';
import { dispatch as reconcile } from '../../../functions/reconcile/reconcile.ts';
import { applyBatch } from '../../../shared/batch/apply-batch.ts';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { FunctionName } from '../../local/functions.ts';
import { MERGE, STREAM } from '../../support/appliers.ts';
import { unlessHalted } from '../../support/installation.ts';
import { type CheckWork, type Damage, isCheckWork, prepareCheck, prepareRepair } from './check-work.ts';
import type { Lane } from './lane.ts';
import { tickUntilIdle } from './recover.ts';
import { VIEWS, type ViewName, type ViewUnderTest } from './views.ts';
import type { Changes, World } from './world.ts';

/** A function that is about to run, its view, and its work. */
export interface Situation {
  readonly functionName: FunctionName;
  readonly view: ViewName;
  /**
   * A batch of some kind; a call of a check; a bad row, which halts the view and dead-letters the event; a tick of all views; or checks of all
   * views. The last three need the whole function, in its own process, from the pushed event to the response.
   */
  readonly work: Batch | CheckWork | 'bad row' | 'fan-out' | 'check all';
}

/** `initial in slices` copies the view in slices. A batch of kind `repair` carries the rows that a check has queued. */
type Batch = 'initial' | 'initial in slices' | 'incremental' | 'resync' | 'repair';

export const SITUATIONS: readonly Situation[] = [
  ...Object.values(VIEWS).flatMap(({ name, applier }) =>
    (['initial', 'incremental', 'resync', 'repair'] as const).flatMap((work) => [
      { functionName: 'extract' as const, view: name, work },
      { functionName: applier, view: name, work },
    ]),
  ),
  ...Object.values(VIEWS).map(({ name }) => ({
    functionName: 'extract' as const,
    view: name,
    work: 'initial in slices' as const,
  })),
  ...Object.values(VIEWS).flatMap(({ name, isTimed }) =>
    (['equal', 'first look', 'second look', 'third look', 'keys', 'since'] as const)
      .filter((work) => work !== 'since' || isTimed)
      .map((work) => ({ functionName: 'reconcile' as const, view: name, work })),
  ),
  { functionName: 'extract', view: 'pmr_project', work: 'bad row' },
  { functionName: 'extract', view: 'pmr_project', work: 'fan-out' },
  { functionName: 'reconcile', view: 'pmr_project', work: 'check all' },
];

export function needsOwnProcess({ work }: Situation): boolean {
  return work === 'bad row' || work === 'fan-out' || work === 'check all';
}

/** A situation in its world, ready for the call of the function. */
export interface Prepared {
  readonly world: World;
  readonly view: ViewUnderTest;
  readonly event: object;
  /**
   * The changes of the application since the last batch before the situation, which the later batches must record; null when one of
   * these is a complete batch.
   */
  readonly changes: Changes | null;
  /** The rows that the checks since the situation began must find and repair; null if no check must have been made. */
  readonly damage: readonly Damage[] | null;
  readonly lastBatchIdBefore: string;
  readonly lastCheckIdBefore: string;
}

/** Prepares situations. An initial batch and a bad row get a new world; all others share a world with earlier batches. */
export class SituationSetup {
  readonly #lane: Lane;
  readonly #worlds = new Map<ViewName, World>();

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  async prepare(situation: Situation): Promise<Prepared> {
    const view = VIEWS[situation.view];
    const isNew = needsNewWorld(situation);
    const world = isNew ? await this.#lane.install() : await this.#loadedWorld(view);
    const before = {
      lastBatchIdBefore: await world.lastBatchId(),
      lastCheckIdBefore: await world.lastCheckId(),
    };
    const work = await prepareWork(situation, world, view);
    await world.emptyMailboxes();
    return { world, view, ...work, ...before };
  }

  /** Gives the situation a new world with few batches. */
  async discardWorld({ view }: Situation): Promise<void> {
    await this.#worlds.get(view)?.leave();
    this.#worlds.delete(view);
  }

  /** Discards a world that no other situation can use. */
  async leave(situation: Situation, world: World): Promise<void> {
    if (!needsNewWorld(situation)) this.#worlds.delete(situation.view);
    await world.leave();
  }

  async #loadedWorld(view: ViewUnderTest): Promise<World> {
    const known = this.#worlds.get(view.name);
    if (known !== undefined) return known;
    const world = await this.#lane.install();
    await world.fill(view);
    await tickUntilIdle(world, view);
    // The first batch after an initial one makes extra checks that later batches do not repeat.
    await world.change(view);
    await tickUntilIdle(world, view);
    this.#worlds.set(view.name, world);
    return world;
  }
}

/** Whether the situation needs a world of its own. */
export function needsNewWorld({ work }: Situation): boolean {
  return work === 'initial' || work === 'initial in slices' || work === 'bad row';
}

type Work = Pick<Prepared, 'event' | 'changes' | 'damage'>;

/** Gives the function its work: the changes of the application, and what other calls do before. */
async function prepareWork(
  { functionName, work }: Situation,
  world: World,
  view: ViewUnderTest,
): Promise<Work> {
  if (isCheckWork(work)) return await prepareCheck(world, view, work);
  if (work === 'check all') return { event: { repair: true }, changes: null, damage: [] };
  const { changes, damage } = await prepareChanges(work, world, view);
  await world.letHorizonsAge();
  if (work === 'fan-out') return { event: {}, changes, damage };
  if (functionName === 'extract') return { event: { view: view.name }, changes, damage };
  const { etlTransactionId } = await world.stage(view.name);
  return { event: { view: view.name, etlTransactionId }, changes, damage };
}

async function prepareChanges(
  work: Batch | 'bad row' | 'fan-out',
  world: World,
  view: ViewUnderTest,
): Promise<Omit<Work, 'event'>> {
  if (work === 'repair') return await prepareRepair(world, view);
  if (work === 'initial' || work === 'initial in slices') {
    const changes = await world.fill(view);
    // Where to cut a view is known from the statistics.
    if (work === 'initial in slices') await world.source.database.query(`analyze ${view.table}`);
    return { changes, damage: null };
  }
  if (work === 'bad row') {
    const changes = await world.fill(view);
    await world.breakRow(view);
    return { changes, damage: null };
  }
  const changes = await world.change(view);
  if (work !== 'resync') return { changes, damage: null };
  await world.dependencies.control.viewStops.requestResync(view.name, {
    isWanted: true,
    acceptsDeletes: false,
  });
  return { changes: null, damage: null };
}

/** Calls the step of a function as its handler does. */
export async function callStep(
  { functionName }: Situation,
  { event, view: { name: view } }: Pick<Prepared, 'event' | 'view'>,
  dependencies: Dependencies,
): Promise<object> {
  const invocation = { functionName, event };
  if (functionName === 'reconcile') return await reconcile(event, invocation, dependencies);
  if (functionName === 'extract') {
    return unlessHalted(await extractView(view, 'test', invocation, dependencies));
  }
  const applier = functionName === 'merge' ? MERGE : STREAM;
  return unlessHalted(await applyBatch(parseBatchEvent(event), applier, invocation, dependencies));
}
