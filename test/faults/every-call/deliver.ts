import { FUNCTIONS, type FunctionName, startFunction } from '../../local/functions.ts';
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
  const definition = FUNCTIONS.find(({ name }) => name === functionName);
  if (definition === undefined) throw new TypeError(`no function ${functionName}`);
  const running = await startFunction(definition, {
    env: { ...process.env, ...world.env, ...settings },
    anyPort: true,
    onLine: () => undefined,
  });
  return { answered: push(running.url, event), kill: () => running.process.kill() };
}

async function push(url: string, event: object): Promise<number | undefined> {
  const data = Buffer.from(JSON.stringify(event)).toString('base64');
  try {
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ message: { data, messageId: '1' }, subscription: 'push' }),
    });
    return status;
  } catch {
    return undefined;
  }
}
