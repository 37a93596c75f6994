import { setTimeout as elapse } from 'node:timers/promises';
import { asDataHubError, dispositionOf } from '../../../shared/errors.ts';
import { pass } from '../../emulators/faults.ts';
import { callFunction, FUNCTIONS, startFunction } from '../../local/functions.ts';
import type { Call } from './call.ts';
import { FATES, type FaultKind, faultOf } from './fault-kind.ts';
import { findFaults } from './judge.ts';
import type { Lane } from './lane.ts';
import { comeToRest } from './recover.ts';
import { callStep, type Prepared, type Situation, type Stage } from './situation.ts';

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
/** Who still waits then has no time-out. */
const PATIENCE_MS = 30_000;

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
    await (FATES[kind] === 'killed' ? runAndKill(run) : runToEnd(run, FATES[kind] === 'gives up'));
    const isMet = faults.unused.length === 0;
    lane.clearFaults();
    await comeToRest(prepared.world, prepared.view);
    const wrong = await findFaults(prepared);
    verdict =
      wrong.length > 0
        ? { outcome: 'not survived', why: wrong.join('; ') }
        : { outcome: isMet ? 'survived' : 'not met' };
  } catch (error) {
    verdict = { outcome: 'not survived', why: error instanceof Error ? error.message : String(error) };
  }
  if (situation.batch === 'initial' || verdict.outcome === 'not survived') {
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

/** In this process. Throws for an error that Pub/Sub would not bring the event again after, and when nobody gave up. */
async function runToEnd({ lane, situation, prepared, held }: Run, givesUp: boolean): Promise<void> {
  const running = prepared.world
    .newProcess(givesUp ? SMALL_TIMEOUTS : {})
    .then((dependencies) => callStep(situation, prepared, dependencies))
    .catch((thrown: unknown) => {
      const error = asDataHubError(thrown);
      if (!['retry', 'stop'].includes(dispositionOf(error))) throw error;
    });
  try {
    if (givesUp) await withinPatience(running);
    else await running;
  } finally {
    held?.release();
    await running.catch(() => undefined);
    lane.dropConnections();
  }
}

async function withinPatience(running: Promise<unknown>): Promise<void> {
  const impatience = new AbortController();
  const tooLong = elapse(PATIENCE_MS, undefined, { signal: impatience.signal }).then(() => {
    throw new Error(`the function waits for an answer for more than ${PATIENCE_MS} ms`);
  });
  tooLong.catch(() => undefined);
  await Promise.race([running, tooLong]).finally(() => impatience.abort());
}

/** In a process of its own, which is killed while the call is held, and released when the process is gone. */
async function runAndKill({ situation, prepared, held }: Run): Promise<void> {
  const definition = FUNCTIONS.find(({ name }) => name === situation.functionName);
  if (definition === undefined || held === null) throw new TypeError('nothing to kill, or no moment for it');
  const running = await startFunction(definition, {
    env: { ...process.env, ...prepared.world.env },
    anyPort: true,
    onLine: () => undefined,
  });
  const answered = callFunction(running.url, prepared.event).catch(() => undefined);
  await Promise.race([held.reached, answered]);
  await running.process.kill();
  held.release();
  await answered;
}
