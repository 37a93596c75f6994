/** Adds up the time that a process spends in some of its operations. */
export class Stopwatch {
  #ms = 0;

  get seconds(): number {
    return this.#ms / 1000;
  }

  /** Returns the same operation, and adds up the time of its calls. */
  around<Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) {
    return async (...args: Args): Promise<Result> => {
      const startedMs = performance.now();
      try {
        return await operation(...args);
      } finally {
        this.#ms += performance.now() - startedMs;
      }
    };
  }

  /** Yields the same values, and adds up the time to produce them, but not the time of their consumer. */
  async *producing<Value>(values: AsyncIterable<Value>): AsyncGenerator<Value> {
    let startedMs = performance.now();
    for await (const value of values) {
      this.#ms += performance.now() - startedMs;
      yield value;
      startedMs = performance.now();
    }
    this.#ms += performance.now() - startedMs;
  }
}
