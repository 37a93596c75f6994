import { WriteError } from './write-error.ts';

/** Tracks work that must end before its database closes. */
export class InFlight {
  readonly #work = new Set<Promise<unknown>>();
  #closed = false;

  /** @throws WriteError UNAVAILABLE after `close`. */
  async run<T>(start: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new WriteError('UNAVAILABLE', 'The server is shutting down');
    const work = start();
    this.#work.add(work);
    try {
      return await work;
    } finally {
      this.#work.delete(work);
    }
  }

  /** Refuses new work; resolves when all work has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#work);
  }
}
