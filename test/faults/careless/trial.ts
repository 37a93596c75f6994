import { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { resync } from '../../../shared/operations/resync.ts';
import { Random } from '../../smartapp/random.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';
import { CONFIGURATIONS } from './configurations.ts';
import { differences } from './differences.ts';
import { SCHEMA_CHANGES } from './schema-changes.ts';
import type { Step } from './steps.ts';
import { MODEL_NAMES, newWorld, remakeView, VIEWS, type ViewName, type World } from './world.ts';
import { logForOtherColumn, WRITES } from './writes.ts';

const STEPS: readonly Step[] = [...WRITES, ...SCHEMA_CHANGES, ...CONFIGURATIONS];
const STEPS_OF_A_TRIAL = 16;
/** More than any sequence of batches, resyncs and second looks takes. */
const MAX_TICKS = 12;

export type Trial = {
  /** What was done, for the reader of a failure. */
  history: string[];
  /** How many views ended equal by themselves. */
  equal: number;
  /** Why the other views said that they are not: halted, retrying, not enabled. */
  said: string[];
  /** Views that say they are well, but differ; and views that an operator could not repair. */
  findings: string[];
};

/** Lets careless people work on one installation while it replicates; then asks each view how it is; then repairs all as an operator would. */
export async function runTrial(stack: Stack, seed: number): Promise<Trial> {
  const on = await stack.install({ views: [STREAMED_ENTRY] });
  const random = new Random(seed);
  const world = newWorld(on, random);
  const trial: Trial = { history: [], equal: 0, said: [], findings: [] };
  for (const id of [1, 2, 3]) await on.source.add('app_company', { id, name: `company ${id}` });
  for (const view of VIEWS) await tick(world, view, random.chance(0.8));
  for (let n = 0; n < STEPS_OF_A_TRIAL; n += 1) {
    const step = STEPS[random.weighted(STEPS.map(({ weight }) => weight))] as Step;
    trial.history.push(step.title);
    await step.run(world);
    if (random.chance(0.6)) for (const view of VIEWS) await tick(world, view, random.chance(0.8));
  }
  for (const row of world.unlogged) await logForOtherColumn(world, row);
  // What others did to a target is found by the next batch, so there is one.
  for (const model of MODEL_NAMES) await on.source.log(model, 1, 'changed');

  for (const view of VIEWS) {
    const why = await settle(world, view);
    if (why !== null) trial.said.push(`${view}: ${why}`);
    else await judge(world, view, 'says that it is well', trial);
  }
  await repair(world);
  for (const view of VIEWS) {
    const why = await settle(world, view);
    if (why !== null) trial.findings.push(`${view}: was repaired, but ${why}`);
    else await judge(world, view, 'was repaired', trial);
  }
  await on.leave();
  return trial;
}

async function judge(world: World, view: ViewName, claim: string, trial: Trial): Promise<void> {
  const found = await differences(world, view);
  if (found.length === 0) trial.equal += 1;
  else trial.findings.push(`${view}: ${claim}, but`, ...found);
}

/** Extracts a batch and, if wanted, applies it. Returns whether there is nothing more to do. Throws what the functions throw. */
async function runOnce({ on }: World, view: ViewName, applies: boolean): Promise<boolean> {
  const extracted = await on.extract(view);
  switch (extracted.outcome) {
    case 'staged':
    case 'republished':
      if (applies) await on.apply(extracted);
      return false;
    case 'idle':
      return !extracted.hasMore;
    case 'skipped':
      return true;
    default:
      return false;
  }
}

/** A tick while people work: a failure is what the next tick meets again, or what has halted the view. */
async function tick(world: World, view: ViewName, applies: boolean): Promise<void> {
  try {
    await runOnce(world, view, applies);
  } catch (error) {
    assertExplained(error);
  }
}

/** Ticks until the view has nothing to do. Returns why it is not well, as `status` would show it; null if it is. */
async function settle(world: World, view: ViewName): Promise<string | null> {
  let failure: DataHubError | null = null;
  for (let n = 0; n < MAX_TICKS; n += 1) {
    try {
      failure = null;
      if (await runOnce(world, view, true)) break;
    } catch (error) {
      failure = assertExplained(error);
    }
  }
  const [status] = await world.on.dependencies.control.status.views(view);
  if (failure !== null) return `${failure.kind}: ${failure.message}`;
  if (status === undefined) return 'is no view source';
  if (status.state !== 'running') return `${status.state}: ${status.haltedReason}`;
  return status.resyncAdvised;
}

/** Whatever careless people do is a failure that tells what to do: never a bug of ours. */
function assertExplained(error: unknown): DataHubError {
  if (!(error instanceof DataHubError) || error.kind === 'bug') throw error;
  return error;
}

/** Gives back the rights, the views and the view sources as they were in the beginning, and asks for a resync of each view. */
async function repair(world: World): Promise<void> {
  const { on } = world;
  const { views, entries } = newWorld(on, world.random);
  Object.assign(world, { views, entries });
  await on.source.database.query('grant select on app_project, models_logging_change to reader');
  for (const view of VIEWS) await remakeView(world, view);
  await importConfiguration({ entries: Object.values(entries) }, on.dependencies);
  for (const view of VIEWS)
    await resync({ command: 'resync', view, isWanted: true, acceptsDeletes: true }, on.dependencies);
}
