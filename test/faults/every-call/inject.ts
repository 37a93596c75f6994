import { setTimeout as elapse } from 'node:timers/promises';
import { asDataHubError } from '../../../shared/errors.ts';
import { pass } from '../../emulators/faults.ts';
import { isPassing } from '../../support/is-passing.ts';
import type { Call } from './call.ts';
import { deliver } from './deliver.ts';
import { FATES, type FaultKind, faultOf } from './fault-kind.ts';
import { findFaults, findUntold } from './judge.ts';
import type { Lane } from './lane.ts';
import { comeToHalt, comeToRest } from './recover.ts';
import {
  beginsItsWorld,
  callStep,
  isMoreThanAStep,
  type Prepared,
  type Situation,
  type Stage,
} from './situation.ts';

export interface Injection {
  readonly situation: Situation;
  readonly call: Call;
  readonly kind: FaultKind;
}

/** Not met: the function did not make the call this time. */
export type Verdict =
  | { outcome: 'survived' }
  | { outcome: 'not met' }
  | { outcome: 'not survived'; why: string };

/** Of a process that waits for an answer; the others have those that are deployed. */
const SMALL_TIMEOUTS = {
  CALL_TIMEOUT_SECONDS: '1',
  CONNECT_TIMEOUT_SECONDS: '1',
  STATEMENT_TIMEOUT_SECONDS: '1',
};
/** Pub/Sub does not bring the event again. */
const ACKNOWLEDGED = 200;
/** A function that still waits then has no time-out, however busy the machine is. */
const PATIENCE_MS = 240_000;

/** Runs the function once with one fault, then ticks without any, and looks what came of it. */
export async function inject(lane: Lane, stage: Stage, injection: Injection): Promise<Verdict> {
  const { situation, call, kind } = injection;
  const prepared = await stage.prepare(situation);
  let verdict: Verdict;
  try {
    lane.clearFaults();
    const { fault, held } = faultOf(kind, call);
    const passing = Array.from({ length: call.nth - 1 }, pass);
    const faults = lane.faults[call.server];
    faults.next(call.name, ...passing, fault);
    const run = { lane, situation, prepared, held };
    const answered = await (FATES[kind] === 'killed'
      ? runAndKill(run)
      : runToEnd(run, FATES[kind] === 'gives up'));
    const isMet = faults.unused.length === 0;
    lane.clearFaults();
    const untold = answered === ACKNOWLEDGED ? await findUntold(situation, prepared) : [];
    if (situation.work === 'bad row') await haltAndMend(prepared);
    await comeToRest(prepared.world, prepared.view);
    const wrong = [...untold, ...(await findFaults(prepared))];
    verdict =
      wrong.length > 0
        ? { outcome: 'not survived', why: wrong.join('; ') }
        : { outcome: isMet ? 'survived' : 'not met' };
  } catch (error) {
    verdict = { outcome: 'not survived', why: error instanceof Error ? error.message : String(error) };
  }
  if (beginsItsWorld(situation) || verdict.outcome === 'not survived') {
    await stage.leave(situation, prepared.world);
  }
  return verdict;
}

type Run = {
  lane: Lane;
  situation: Situation;
  prepared: Prepared;
  held: { reached: Promise<void>; release: () => void } | null;
};

/**
 * In this process, or, if it is more than a step, in one of its own, whose answer is returned. Throws for an error that Pub/Sub would not
 * bring the event again after, and when nobody gave up.
 */
async function runToEnd(run: Run, givesUp: boolean): Promise<number | undefined> {
  const { lane, situation, held } = run;
  const settings: Record<string, string> = givesUp ? SMALL_TIMEOUTS : {};
  const running = isMoreThanAStep(situation) ? runProcess(run, settings) : runStep(run, settings);
  try {
    return givesUp ? await withinPatience(running) : await running;
  } finally {
    held?.release();
    await running.catch(() => undefined);
    lane.dropConnections();
  }
}

async function runStep({ situation, prepared }: Run, settings: Record<string, string>): Promise<undefined> {
  try {
    await callStep(situation, prepared, await prepared.world.newProcess(settings));
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (!isPassing(error)) throw error;
  }
}

async function runProcess(
  { situation, prepared }: Run,
  settings: Record<string, string>,
): Promise<number | undefined> {
  const { answered, kill } = await deliver(situation.functionName, prepared, settings);
  const status = await answered;
  await kill();
  return status;
}

async function withinPatience<T>(running: Promise<T>): Promise<T> {
  const impatience = new AbortController();
  const tooLong = elapse(PATIENCE_MS, undefined, { signal: impatience.signal }).then((): never => {
    throw new Error(`the function waits for an answer for more than ${PATIENCE_MS} ms`);
  });
  tooLong.catch(() => undefined);
  return await Promise.race([running, tooLong]).finally(() => impatience.abort());
}

/** In a process of its own, which is killed while the call is held, and released when the process is gone. */
async function runAndKill({ situation, prepared, held }: Run): Promise<number | undefined> {
  if (held === null) throw new TypeError('no moment to kill the process at');
  const { answered, kill } = await deliver(situation.functionName, prepared, {});
  await Promise.race([held.reached, answered]);
  await kill();
  held.release();
  return await answered;
}

/** The row that halts the view stays until the event is set aside; then an operator mends it and lets the view run. */
async function haltAndMend({ world, view }: Prepared): Promise<void> {
  await comeToHalt(world, view);
  const letters = await world.mailboxes.deadLetter.take();
  if (letters.length === 0) throw new Error('there is no dead letter');
  await world.mend(view);
  await world.dependencies.control.viewStops.resume(view.name);
}
