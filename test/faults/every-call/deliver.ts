import type { FunctionName } from '../../local/functions.ts';
import { pushed } from '../../support/pushed.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import type { Prepared } from './situation.ts';

/** A function in its own process that has received an event. */
export type Delivered = {
  /** The status of the response; undefined when the process ends without one. */
  answered: Promise<number | undefined>;
  kill: () => Promise<void>;
};

/** Starts the function in its own process and pushes the event to it, as Pub/Sub does. `settings` are additional environment variables. */
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
