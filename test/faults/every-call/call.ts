import { deliver } from './deliver.ts';
import type { Lane, Server } from './lane.ts';
import { tickUntilIdle } from './recover.ts';
import {
  callStep,
  needsNewWorld,
  needsOwnProcess,
  type Situation,
  type SituationSetup,
} from './situation.ts';

/** One call of a run: the nth call of this name to this server. */
export interface Call {
  readonly server: Server;
  readonly name: string;
  readonly nth: number;
}

/** The emulator records a running job like a call, but no function makes it. */
const isJobRun = (name: string): boolean => name.startsWith('bigquery.job.');

/** Returns the calls that a new process of a function makes in a situation without faults. */
export async function recordCalls(lane: Lane, setup: SituationSetup, situation: Situation): Promise<Call[]> {
  // A second look reads the history of earlier batches: with few of them, it makes no call that it would not make later.
  if (situation.work === 'second look') await setup.discardWorld(situation);
  const prepared = await setup.prepare(situation);
  lane.clearFaults();
  if (needsOwnProcess(situation)) {
    const { answered, kill } = await deliver(situation.functionName, prepared, {});
    await answered;
    await kill();
  } else {
    await callStep(situation, prepared, await prepared.world.newProcess({}));
  }
  const calls = Object.entries(lane.faults).flatMap(([server, { calls: names }]) => {
    const counts = new Map<string, number>();
    return names.flatMap((name): Call[] => {
      const nth = (counts.get(name) ?? 0) + 1;
      counts.set(name, nth);
      return isJobRun(name) ? [] : [{ server: server as Server, name, nth }];
    });
  });
  lane.dropConnections();
  await prepared.world.expireLeases();
  // The first batch after a complete one makes extra checks that later batches do not repeat.
  if (needsNewWorld(situation) || situation.work === 'resync') await setup.leave(situation, prepared.world);
  else await tickUntilIdle(prepared.world, prepared.view);
  return calls;
}
