import { setTimeout as elapse } from 'node:timers/promises';

/** Longer than a child or PostgreSQL may take before it is killed. */
const LIMIT_MS = 20_000;

/**
 * Stops parts in the reverse order of their start. It goes on to the next part when one fails or does not stop in time, and says so: what
 * still runs then ends with this process.
 */
export class Cleanup implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #say: (line: string) => void;
  readonly #limitMs: number;

  constructor(say: (line: string) => void, limitMs = LIMIT_MS) {
    this.#say = say;
    this.#limitMs = limitMs;
  }

  defer(part: string, stop: () => Promise<unknown>): void {
    this.#stack.defer(async () => {
      const limit = new AbortController();
      const late = elapse(this.#limitMs, 'late' as const, { signal: limit.signal });
      try {
        const outcome = await Promise.race([stop(), late]);
        if (outcome === 'late') this.#say(`Not waiting any longer for ${part} to stop`);
      } catch (error) {
        this.#say(`${part}: ${error instanceof Error ? error.message : error}`);
      } finally {
        limit.abort();
        late.catch(() => undefined);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
