import { noAnswer } from '../google/request-timeout.ts';

/**
 * How long one waits for Cloud Storage in the middle of an upload. `signal` aborts with a `transient` error when a wait that was
 * started lasts longer than `seconds`.
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

  /** A wait begins, anew when one was under way. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#ended.abort(noAnswer(this.#seconds)), this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
