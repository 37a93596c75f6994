import { NoAnswer } from './no-answer.ts';

// Google's REST clients accept a time-out and ignore it: teeny-request passes it to node-fetch, which has none. Without the time-outs below,
// a call to an unreachable server would wait until the platform kills the function.

type Callback = (error: Error | null, ...rest: unknown[]) => void;
type RestClient = { request: (options: never, callback: never) => void };

/** Makes every later call of the client, except uploads and downloads, fail as `transient` when no answer arrives in time. */
export function addRequestTimeout(client: RestClient, seconds: number): void {
  const request = client.request.bind(client) as (options: unknown, callback: Callback) => void;
  client.request = ((options: unknown, callback: Callback) => {
    const timer = setTimeout(() => answerOnce(new NoAnswer(`${seconds} seconds`)), seconds * 1000);
    let isAnswered = false;
    const answerOnce: Callback = (...answer) => {
      clearTimeout(timer);
      if (isAnswered) return;
      isAnswered = true;
      callback(...answer);
    };
    request(options, answerOnce);
  }) as RestClient['request'];
}

/** Settles like the call, or throws `transient` when it does not settle in time. */
export async function withRequestTimeout<T>(seconds: number, call: Promise<T>): Promise<T> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NoAnswer(`${seconds} seconds`)), seconds * 1000);
  return await Promise.race([call, timeUp]).finally(() => clearTimeout(timer));
}
