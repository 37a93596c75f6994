import { DataHubError, dispositionOf } from './errors.ts';

/** Where the time of day comes from, in milliseconds since 1970. Tests pass a clock of their own. */
export type Clock = { nowMs(): number };

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Work ends this long before the function's time limit, so that time remains to record the outcome. */
const reserveSeconds = (limitSeconds: number): number => Math.min(30, limitSeconds / 10);

/**
 * The time that one piece of work has: it ends shortly before the function's time limit, so that a reserve remains. At the limit itself,
 * or as soon as the view's lease is lost, `signal` aborts. Dispose of it when the work has ended.
 */
export class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #reserveMs: number;
  readonly #stop = new AbortController();
  readonly #limit: NodeJS.Timeout;

  constructor(clock: Clock, limitSeconds: number) {
    const limitMs = limitSeconds * 1000;
    this.#clock = clock;
    this.#reserveMs = reserveSeconds(limitSeconds) * 1000;
    this.#endMs = clock.nowMs() + limitMs - this.#reserveMs;
    this.#limit = setTimeout(() => this.abort(new DeadlineExceeded('the work')), limitMs).unref();
  }

  /** Aborts when the work must stop at once; its reason is the error to throw. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Milliseconds until the work must end; 0 once that moment has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endMs - this.#clock.nowMs());
  }

  /** Whether so little time remains that work which can be continued later should stop now. */
  isNear(): boolean {
    return this.remainingMs() <= this.#reserveMs;
  }

  /** Stops the work at once, because of `reason`. */
  abort(reason: Error): void {
    this.#stop.abort(reason);
  }

  /**
   * Runs `work` until the deadline. The signal it gets aborts together with `signal`, and when no time remains. Throws
   * `DeadlineExceeded` when the time was up first, whatever error `work` made of that, unless that error needs a person; `what` begins its
   * message. Throws the signal's reason, and starts nothing, when the signal has already aborted.
   */
  async enforce<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(new DeadlineExceeded(what)), this.remainingMs());
    try {
      return await work(AbortSignal.any([this.signal, timeUp.signal]));
    } catch (error) {
      const needsPerson = error instanceof DataHubError && dispositionOf(error) === 'halt';
      if (!timeUp.signal.aborted || this.signal.aborted || needsPerson) throw error;
      throw new DeadlineExceeded(what, error);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#limit);
  }
}

/** The time was up before the work had ended; a later try may have more time. */
export class DeadlineExceeded extends DataHubError {
  constructor(what: string, cause?: unknown) {
    super('transient', `${what} did not end within the time limit`, { cause });
  }
}
