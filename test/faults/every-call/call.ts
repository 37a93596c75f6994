import { deliver } from './deliver.ts';
import type { Lane, Server } from './lane.ts';
import { callStep, isMoreThanAStep, type Situation, type Stage } from './situation.ts';

/** One call of a run: the nth of its name to its server. */
export interface Call {
  readonly server: Server;
  readonly name: string;
  readonly nth: number;
}

/** Of BigQuery's work on a job, which is no call of ours. */
const isJobItself = (name: string): boolean => name.startsWith('bigquery.job.');

/** The calls that a function makes in a situation, from the first of a new process on, when nothing goes wrong. */
export async function recordCalls(lane: Lane, stage: Stage, situation: Situation): Promise<Call[]> {
  const prepared = await stage.prepare(situation);
  lane.clearFaults();
  if (isMoreThanAStep(situation)) {
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
      return isJobItself(name) ? [] : [{ server: server as Server, name, nth }];
    });
  });
  lane.dropConnections();
  await stage.leave(situation, prepared.world);
  return calls;
}
