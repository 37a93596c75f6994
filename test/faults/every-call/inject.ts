import { setTimeout as elapse } from 'node:timers/promises';
import { asDataHubError, dispositionOf } from '../../../shared/errors.ts';
import { pass } from '../../emulators/faults.ts';
import { isRecoverable } from '../../support/is-recoverable.ts';
import type { Call } from './call.ts';
import { deliver } from './deliver.ts';
import { FATES, type FaultKind, faultOf } from './fault-kind.ts';
import { findFaults, findMissingEffects } from './judge.ts';
import type { Lane } from './lane.ts';
import { tickUntilHalted, tickUntilIdle } from './recover.ts';
import {
  callStep,
  needsNewWorld,
  needsOwnProcess,
  type Prepared,
  type Situation,
  type SituationSetup,
} from './situation.ts';

export interface Injection {
  readonly situation: Situation;
  readonly call: Call;
  readonly kind: FaultKind;
}

/** `not injected`: the function did not make the call this time. */
export type Verdict =
  | { outcome: 'survived' }
  | { outcome: 'not injected' }
  | { outcome: 'not survived'; why: string };

/** Time-outs for a process whose call is held; all other processes have the deployed ones. */
const SHORT_TIMEOUTS = {
  CALL_TIMEOUT_SECONDS: '1',
  CONNECT_TIMEOUT_SECONDS: '1',
  STATEMENT_TIMEOUT_SECONDS: '1',
};
/** The status after which Pub/Sub does not deliver the event again. */
const ACKNOWLEDGED = 200;
/** A function that waits longer has no time-out, however busy the machine is. */
const HANG_LIMIT_MS = 240_000;

/** Runs the function once with one fault, ticks without faults, and checks the end state. */
export async function inject(lane: Lane, setup: SituationSetup, injection: Injection): Promise<Verdict> {
  const { situation, call, kind } = injection;
  const prepared = await setup.prepare(situation);
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
      : runToEnd(run, FATES[kind] === 'times out'));
    const isInjected = faults.unused.length === 0;
    lane.clearFaults();
    const isAcknowledged = answered === ACKNOWLEDGED;
    const missing = isAcknowledged ? await findMissingEffects(situation, prepared) : [];
    if (situation.work === 'bad row') await haltAndCorrect(prepared);
    if (situation.functionName === 'reconcile') {
      // A check waits for the lease of its view, longer than a test wants to.
      await prepared.world.expireLeases();
      await tickUntilIdle(prepared.world, prepared.view, isAcknowledged ? [] : [prepared.event]);
    } else await tickUntilIdle(prepared.world, prepared.view);
    const wrong = [...missing, ...(await findFaults(prepared))];
    verdict =
      wrong.length > 0
        ? { outcome: 'not survived', why: wrong.join('; ') }
        : { outcome: isInjected ? 'survived' : 'not injected' };
  } catch (error) {
    verdict = { outcome: 'not survived', why: error instanceof Error ? error.message : String(error) };
  }
  if (needsNewWorld(situation) || verdict.outcome === 'not survived') {
    await setup.leave(situation, prepared.world);
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
 * Runs the situation in this process, or in its own process if it needs one; then returns the response status, undefined if there is none. Throws
 * after an error for which Pub/Sub would not deliver the event again, and when a call that must time out does not.
 */
async function runToEnd(run: Run, timesOut: boolean): Promise<number | undefined> {
  const { lane, situation, held } = run;
  const settings: Record<string, string> = timesOut ? SHORT_TIMEOUTS : {};
  const running = needsOwnProcess(situation) ? runProcess(run, settings) : runStep(run, settings);
  try {
    return timesOut ? await failWhenHanging(running) : await running;
  } finally {
    held?.release();
    await running.catch(() => undefined);
    lane.dropConnections();
  }
}

async function runStep(
  { situation, prepared }: Run,
  settings: Record<string, string>,
): Promise<number | undefined> {
  try {
    await callStep(situation, prepared, await prepared.world.newProcess(settings));
    return ACKNOWLEDGED;
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (!isRecoverable(error)) throw error;
    return dispositionOf(error) === 'retry' ? undefined : ACKNOWLEDGED;
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

async function failWhenHanging<T>(running: Promise<T>): Promise<T> {
  const finished = new AbortController();
  const tooLong = elapse(HANG_LIMIT_MS, undefined, { signal: finished.signal }).then((): never => {
    throw new Error(`the function has waited for a response for more than ${HANG_LIMIT_MS} ms`);
  });
  tooLong.catch(() => undefined);
  return await Promise.race([running, tooLong]).finally(() => finished.abort());
}

/** Runs the function in its own process, kills the process while the call is held, and then releases the call. */
async function runAndKill({ situation, prepared, held }: Run): Promise<number | undefined> {
  if (held === null)
    throw new TypeError('this kind of fault holds no call during which the process could be killed');
  const { answered, kill } = await deliver(situation.functionName, prepared, {});
  await Promise.race([held.reached, answered]);
  await kill();
  held.release();
  return await answered;
}

/** Keeps the bad row until its view is halted and its event dead-lettered; then corrects it and resumes the view, as an operator does. */
async function haltAndCorrect({ world, view }: Prepared): Promise<void> {
  await tickUntilHalted(world, view);
  const deadLetters = await world.mailboxes.deadLetter.take();
  if (deadLetters.length === 0) throw new Error('there is no dead letter');
  await world.correctRow(view);
  await world.dependencies.control.viewStops.resume(view.name);
}
