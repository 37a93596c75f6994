import type { FunctionName } from '../../local/functions.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import type { World } from '../every-call/world.ts';

/** A function in a process of its own, which can be put to sleep by SIGSTOP at any moment at which it holds a view. */
export class Sleeper {
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

  static async start(name: FunctionName, world: World, settings: Record<string, string>): Promise<Sleeper> {
    const listeners = new Set<(line: string) => void>();
    const functions = await RunningFunctions.start([name], { ...world.env, ...settings }, (line) => {
      for (const listener of listeners) listener(line);
    });
    return new Sleeper(world, name, functions, listeners);
  }

  call(event: object): Promise<object> {
    return this.#functions.call(this.#name, event);
  }

  /** Stops the process, which holds the view. */
  async fallAsleep(view: string): Promise<void> {
    const { rows } = await this.#world.control.query('select holder from etl.lease where name = $1', [view]);
    this.#pid = Number(String(rows[0]?.holder).split(':').at(-1));
    process.kill(this.#pid, 'SIGSTOP');
  }

  wakeUp(): void {
    if (this.#pid !== undefined) process.kill(this.#pid, 'SIGCONT');
    this.#pid = undefined;
  }

  /** Resolves with the next log line that has this message. */
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

  /** Ends the process, asleep or not. */
  end(): Promise<void> {
    return this.#functions.kill();
  }
}
