import {
  callFunction,
  FUNCTIONS,
  type FunctionName,
  type RunningFunction,
  startFunction,
} from '../local/functions.ts';
import { pushed } from './pushed.ts';

/** Takes a line that a function prints. */
export type OnLine = (line: string, name: FunctionName, from: 'stdout' | 'stderr') => void;

/** Functions that run in processes of their own. */
export class RunningFunctions {
  readonly #running: readonly RunningFunction[];

  private constructor(running: readonly RunningFunction[]) {
    this.#running = running;
  }

  /** `settings` are environment variables beside those of this process. */
  static async start(
    names: readonly FunctionName[],
    settings: Record<string, string>,
    onLine: OnLine = () => undefined,
  ): Promise<RunningFunctions> {
    const env = { ...process.env, ...settings };
    const chosen = FUNCTIONS.filter(({ name }) => names.includes(name));
    const starting = chosen.map((each) =>
      startFunction(each, { env, anyPort: true, onLine: (line, from) => onLine(line, each.name, from) }),
    );
    return new RunningFunctions(await Promise.all(starting));
  }

  urlOf(name: FunctionName): string {
    const found = this.#running.find((each) => each.name === name);
    if (found === undefined) throw new RangeError(`${name} does not run`);
    return found.url;
  }

  /** What the function answers to a call by hand. */
  async call(name: FunctionName, payload: unknown): Promise<Record<string, unknown>> {
    return { ...(await callFunction(this.urlOf(name), payload)) };
  }

  /** What the function answers to an event that Pub/Sub pushes. */
  push(name: FunctionName, event: unknown): Promise<Record<string, unknown>> {
    return this.call(name, pushed(event));
  }

  post(name: FunctionName, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.urlOf(name), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.process.stop()));
  }

  /** Ends them at once, asleep or not. */
  async kill(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.process.kill()));
  }
}
