import { extractView } from '../../../functions/extract/extract-view.ts';
import { applyBatch } from '../../../shared/batch/apply-batch.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { FunctionName } from '../../local/functions.ts';
import { MERGE, STREAM, unlessHalted } from '../../support/installation.ts';
import type { Lane } from './lane.ts';
import { comeToRest } from './recover.ts';
import { VIEWS, type ViewName, type ViewUnderTest } from './views.ts';
import type { Changes, World } from './world.ts';

/** A function that is about to run: what it is to do, and of which view. */
export interface Situation {
  readonly functionName: FunctionName;
  readonly view: ViewName;
  /**
   * A batch of a kind; a row that halts the view and whose event is set aside; or a tick of all views. The last two are more than
   * a step: the function does them in a process of its own, from the pushed event to its answer.
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

export function isMoreThanAStep({ work }: Situation): boolean {
  return work === 'bad row' || work === 'fan-out';
}

/** A situation in its world, up to the moment where the function is called. */
export interface Prepared {
  readonly world: World;
  readonly view: ViewUnderTest;
  readonly event: { view?: string; etlTransactionId?: string };
  /**
   * What the application did since the number of the last batch before it, which is what batches above it must tell; null when one of
   * them carries every row.
   */
  readonly changes: Changes | null;
  readonly lastBatchBefore: string;
}

/** Brings a situation about. An initial batch begins its world, and so does a row that is bad; the others are of one that has been through some. */
export class Stage {
  readonly #lane: Lane;
  readonly #worlds = new Map<ViewName, World>();

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  async prepare(situation: Situation): Promise<Prepared> {
    const { functionName, work } = situation;
    const view = VIEWS[situation.view];
    const isNew = beginsItsWorld(situation);
    const world = isNew ? await this.#lane.install() : await this.#loadedWorld(view);
    const lastBatchBefore = await world.lastBatch();
    const changes = isNew ? await world.fill(view) : await world.change(view);
    if (work === 'bad row') await world.spoil(view);
    if (work === 'resync') await world.dependencies.control.viewStops.requestResync(view.name, true);
    await world.letHorizonsAge();
    const event =
      work === 'fan-out'
        ? {}
        : functionName === 'extract'
          ? { view: view.name }
          : { view: view.name, etlTransactionId: await staged(world, view) };
    return { world, view, event, changes: work === 'resync' ? null : changes, lastBatchBefore };
  }

  /** The world is not fit for another situation. */
  async leave(situation: Situation, world: World): Promise<void> {
    if (!beginsItsWorld(situation)) this.#worlds.delete(situation.view);
    await world.leave();
  }

  async #loadedWorld(view: ViewUnderTest): Promise<World> {
    const known = this.#worlds.get(view.name);
    if (known !== undefined) return known;
    const world = await this.#lane.install();
    await world.fill(view);
    await comeToRest(world, view);
    // The batch after an initial one still makes sure of what later ones remember.
    await world.change(view);
    await comeToRest(world, view);
    this.#worlds.set(view.name, world);
    return world;
  }
}

/** Whether its world is of no use for another situation. */
export function beginsItsWorld({ work }: Situation): boolean {
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
  if (view === undefined) throw new TypeError('a tick is more than a step');
  if (etlTransactionId === undefined) {
    return unlessHalted(await extractView(view, 'test', invocation, dependencies));
  }
  const applier = functionName === 'merge' ? MERGE : STREAM;
  const batch = { view, etlTransactionId: BigInt(etlTransactionId) };
  return unlessHalted(await applyBatch(batch, applier, invocation, dependencies));
}

/** Extracts a batch, and takes its announcement: what the caller does not apply is left to the ticks. */
async function staged(world: World, view: ViewUnderTest): Promise<string> {
  const { etlTransactionId } = await world.stage(view.name);
  await world.takeAnnouncements(view);
  return etlTransactionId;
}
