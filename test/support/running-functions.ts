import {
  callFunction,
  FUNCTIONS,
  type FunctionName,
  type RunningFunction,
  startFunction,
} from '../local/functions.ts';
import { pushed } from './pushed.ts';

/** Receives a line that a function prints. */
export type OnLine = (line: string, name: FunctionName, from: 'stdout' | 'stderr') => void;

/** Functions that run in their own processes. */
export class RunningFunctions {
  readonly #running: readonly RunningFunction[];

  private constructor(running: readonly RunningFunction[]) {
    this.#running = running;
  }

  /** `settings` are additional environment variables. */
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
    if (found === undefined) throw new RangeError(`${name} is not running`);
    return found.url;
  }

  /** Calls the function directly, as an operator does, and returns the response. */
  async call(name: FunctionName, payload: unknown): Promise<Record<string, unknown>> {
    return { ...(await callFunction(this.urlOf(name), payload)) };
  }

  /** Pushes an event to the function, as Pub/Sub does, and returns the response. */
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

  /** Kills all processes, suspended or not. */
  async kill(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.process.kill()));
  }
}
