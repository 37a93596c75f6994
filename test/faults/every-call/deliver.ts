import type { FunctionName } from '../../local/functions.ts';
import { pushed } from '../../support/pushed.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import type { Prepared } from './situation.ts';

/** A function that was given an event, in a process of its own. */
export type Delivered = {
  /** The status that it answers; undefined when it ends without. */
  answered: Promise<number | undefined>;
  kill: () => Promise<void>;
};

/** Starts the function in a process of its own and pushes the event to it, as Pub/Sub does. `settings` are more of its environment. */
export async function deliver(
  functionName: FunctionName,
  { world, event }: Prepared,
  settings: Record<string, string>,
): Promise<Delivered> {
  const functions = await RunningFunctions.start([functionName], { ...world.env, ...settings });
  const answered = functions.post(functionName, pushed(event)).then(
    ({ status }) => status,
    () => undefined,
  );
  return { answered, kill: () => functions.kill() };
}
