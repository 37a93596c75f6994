import { NoAnswer } from '../google/no-answer.ts';

/**
 * Limits each wait for Cloud Storage during an upload. `signal` aborts with `NoAnswer` when `seconds` pass between `start` and
 * `stop`.
 */
export class StallTimeout {
  readonly #seconds: number;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Begins a wait, or begins the current one again. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(
      () => this.#ended.abort(new NoAnswer(`${this.#seconds} seconds`)),
      this.#seconds * 1000,
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
