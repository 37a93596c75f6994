import { noAnswer } from '../google/request-timeout.ts';

/**
 * Limits each wait for Cloud Storage during an upload. `signal` aborts with a `transient` error when `seconds` pass between `start` and
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
    this.#timer = setTimeout(() => this.#ended.abort(noAnswer(this.#seconds)), this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
