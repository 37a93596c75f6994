import type { FunctionName } from '../../local/functions.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import type { World } from '../every-call/world.ts';

/** A function in its own process, which a test can suspend with SIGSTOP while it holds the lease of a view. */
export class SuspendableFunction {
  readonly #world: World;
  readonly #name: FunctionName;
  readonly #functions: RunningFunctions;
  readonly #listeners: Set<(line: string) => void>;
  #pid: number | undefined;

  private constructor(
    world: World,
    name: FunctionName,
    functions: RunningFunctions,
    listeners: Set<(line: string) => void>,
  ) {
    this.#world = world;
    this.#name = name;
    this.#functions = functions;
    this.#listeners = listeners;
  }

  static async start(
    name: FunctionName,
    world: World,
    settings: Record<string, string>,
  ): Promise<SuspendableFunction> {
    const listeners = new Set<(line: string) => void>();
    const functions = await RunningFunctions.start([name], { ...world.env, ...settings }, (line) => {
      for (const listener of listeners) listener(line);
    });
    return new SuspendableFunction(world, name, functions, listeners);
  }

  call(event: object): Promise<object> {
    return this.#functions.call(this.#name, event);
  }

  /** Suspends the process that holds the view. */
  async suspend(view: string): Promise<void> {
    const { rows } = await this.#world.control.query('select holder from etl.lease where name = $1', [view]);
    this.#pid = Number(String(rows[0]?.holder).split(':').at(-1));
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.#pid !== undefined) process.kill(this.#pid, 'SIGCONT');
    this.#pid = undefined;
  }

  /** Resolves with the next log line with this message. */
  logged(message: string): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      const listener = (text: string) => {
        const line = JSON.parse(text) as Record<string, unknown>;
        if (line.message !== message) return;
        this.#listeners.delete(listener);
        resolve(line);
      };
      this.#listeners.add(listener);
    });
  }

  /** Ends the process, suspended or not. */
  end(): Promise<void> {
    return this.#functions.kill();
  }
}
