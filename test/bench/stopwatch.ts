/** Adds up the time that is spent in some operations of a process. */
export class Stopwatch {
  #ms = 0;

  get seconds(): number {
    return this.#ms / 1000;
  }

  /** The same operation, its time counted. */
  around<Given extends unknown[], Result>(operation: (...given: Given) => Promise<Result>) {
    return async (...given: Given): Promise<Result> => {
      const startedMs = performance.now();
      try {
        return await operation(...given);
      } finally {
        this.#ms += performance.now() - startedMs;
      }
    };
  }

  /** The same values; counted is the time that making them takes, not that of whoever reads them. */
  async *making<Value>(values: AsyncIterable<Value>): AsyncGenerator<Value> {
    let startedMs = performance.now();
    for await (const value of values) {
      this.#ms += performance.now() - startedMs;
      yield value;
      startedMs = performance.now();
    }
    this.#ms += performance.now() - startedMs;
  }
}
