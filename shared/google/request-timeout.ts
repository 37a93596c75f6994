import { DataHubError } from '../errors.ts';

// Google's REST clients take a time-out and ignore it: teeny-request hands it to node-fetch, which has none. A server that is cut
// off would be waited for until the platform kills the function.

type Callback = (error: Error | null, ...rest: unknown[]) => void;
type RestClient = { request: (options: never, callback: never) => void };

/** From now on every call of the client, but for uploads and downloads, fails as `transient` when it is not answered in time. */
export function addRequestTimeout(client: RestClient, seconds: number): void {
  const request = client.request.bind(client) as (options: unknown, callback: Callback) => void;
  client.request = ((options: unknown, callback: Callback) => {
    const timer = setTimeout(() => settle(noAnswer(seconds)), seconds * 1000);
    let isSettled = false;
    const settle: Callback = (...answer) => {
      clearTimeout(timer);
      if (isSettled) return;
      isSettled = true;
      callback(...answer);
    };
    request(options, settle);
  }) as RestClient['request'];
}

/** What the call answers, or `transient` when it does not answer in time. */
export async function withRequestTimeout<T>(seconds: number, call: Promise<T>): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(noAnswer(seconds)), seconds * 1000);
  return await Promise.race([call, silence]).finally(() => clearTimeout(timer));
}

export function noAnswer(seconds: number): DataHubError {
  return new DataHubError('transient', `no answer within ${seconds} seconds`);
}
