import { callFunction, FUNCTIONS, type FunctionName, startFunction } from '../../local/functions.ts';
import type { World } from '../every-call/world.ts';

/** A function in a process of its own, which can be put to sleep by SIGSTOP at any moment at which it holds a view. */
export class Sleeper {
  readonly #world: World;
  readonly #url: string;
  readonly #end: () => Promise<void>;
  readonly #listeners = new Set<(line: string) => void>();
  #pid: number | undefined;

  private constructor(world: World, url: string, end: () => Promise<void>) {
    this.#world = world;
    this.#url = url;
    this.#end = end;
  }

  static async start(name: FunctionName, world: World, settings: Record<string, string>): Promise<Sleeper> {
    const definition = FUNCTIONS.find((each) => each.name === name);
    if (definition === undefined) throw new RangeError(`there is no function ${name}`);
    const running = await startFunction(definition, {
      env: { ...process.env, ...world.env, ...settings },
      anyPort: true,
      onLine: (line) => {
        for (const listener of sleeper.#listeners) listener(line);
      },
    });
    const sleeper = new Sleeper(world, running.url, running.process.kill);
    return sleeper;
  }

  call(event: object): Promise<object> {
    return callFunction(this.#url, event);
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
    return this.#end();
  }
}
