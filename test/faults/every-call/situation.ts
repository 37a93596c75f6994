import { extractView } from '../../../functions/extract/extract-view.ts';
import { applyBatch } from '../../../shared/batch/apply-batch.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { FunctionName } from '../../local/functions.ts';
import { MERGE, STREAM, unlessHalted } from '../../support/installation.ts';
import type { Lane } from './lane.ts';
import { tickUntilIdle } from './recover.ts';
import { VIEWS, type ViewName, type ViewUnderTest } from './views.ts';
import type { Changes, World } from './world.ts';

/** A function that is about to run, its view, and its work. */
export interface Situation {
  readonly functionName: FunctionName;
  readonly view: ViewName;
  /**
   * A batch of some kind; a bad row, which halts the view and dead-letters the event; or a tick of all views. The last two need the
   * whole function, in its own process, from the pushed event to the response.
   */
  readonly work: Batch | 'bad row' | 'fan-out';
}

type Batch = 'initial' | 'incremental' | 'resync';

export const SITUATIONS: readonly Situation[] = [
  ...Object.values(VIEWS).flatMap(({ name, applier }) =>
    (['initial', 'incremental', 'resync'] as const).flatMap((work) => [
      { functionName: 'extract' as const, view: name, work },
      { functionName: applier, view: name, work },
    ]),
  ),
  { functionName: 'extract', view: 'pmr_project', work: 'bad row' },
  { functionName: 'extract', view: 'pmr_project', work: 'fan-out' },
];

export function needsOwnProcess({ work }: Situation): boolean {
  return work === 'bad row' || work === 'fan-out';
}

/** A situation in its world, ready for the call of the function. */
export interface Prepared {
  readonly world: World;
  readonly view: ViewUnderTest;
  readonly event: { view?: string; etlTransactionId?: string };
  /**
   * The changes of the application since the last batch before the situation, which the later batches must record; null when one of
   * these is a complete batch.
   */
  readonly changes: Changes | null;
  readonly lastBatchIdBefore: string;
}

/** Prepares situations. An initial batch and a bad row get a new world; all others share a world with earlier batches. */
export class SituationSetup {
  readonly #lane: Lane;
  readonly #worlds = new Map<ViewName, World>();

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  async prepare(situation: Situation): Promise<Prepared> {
    const { functionName, work } = situation;
    const view = VIEWS[situation.view];
    const isNew = needsNewWorld(situation);
    const world = isNew ? await this.#lane.install() : await this.#loadedWorld(view);
    const lastBatchIdBefore = await world.lastBatchId();
    const changes = isNew ? await world.fill(view) : await world.change(view);
    if (work === 'bad row') await world.breakRow(view);
    if (work === 'resync')
      await world.dependencies.control.viewStops.requestResync(view.name, {
        isWanted: true,
        acceptsDeletes: false,
      });
    await world.letHorizonsAge();
    const event =
      work === 'fan-out'
        ? {}
        : functionName === 'extract'
          ? { view: view.name }
          : { view: view.name, etlTransactionId: await stageBatch(world, view) };
    return { world, view, event, changes: work === 'resync' ? null : changes, lastBatchIdBefore };
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
  return work === 'initial' || work === 'bad row';
}

/** Calls the step of a function as its handler does. */
export async function callStep(
  { functionName }: Situation,
  { event }: Prepared,
  dependencies: Dependencies,
): Promise<object> {
  const invocation = { functionName, event };
  const { view, etlTransactionId } = event;
  if (view === undefined) throw new TypeError('a tick has no step to call');
  if (etlTransactionId === undefined) {
    return unlessHalted(await extractView(view, 'test', invocation, dependencies));
  }
  const applier = functionName === 'merge' ? MERGE : STREAM;
  const batch = { view, etlTransactionId: BigInt(etlTransactionId) };
  return unlessHalted(await applyBatch(batch, applier, invocation, dependencies));
}

/** Stages a batch and removes its message, so that only the caller or a later tick applies it. */
async function stageBatch(world: World, view: ViewUnderTest): Promise<string> {
  const { etlTransactionId } = await world.stage(view.name);
  await world.takeAnnouncements(view);
  return etlTransactionId;
}
