import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Injection, Verdict } from './inject.ts';
import type { Answer, Recording, Request } from './lane-worker.ts';

/** Several lanes, each in a worker of its own, because a process has only one environment. */
export class Lanes {
  readonly #workers: LaneWorker[];

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => new LaneWorker());
  }

  /** Returns the calls of every situation, in the order in which their servers received them. */
  async record(): Promise<Recording> {
    const [first] = this.#workers;
    if (first === undefined) throw new RangeError('there must be at least one lane');
    return (await first.send({ command: 'record' })) as Recording;
  }

  /** Makes all injections, several at a time, and calls `onVerdict` for each when its verdict is known. */
  async inject(
    injections: readonly Injection[],
    onVerdict: (injection: Injection, verdict: Verdict) => void,
  ): Promise<void> {
    const waiting = [...injections].reverse();
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (let injection = waiting.pop(); injection !== undefined; injection = waiting.pop()) {
          onVerdict(injection, (await worker.send({ command: 'inject', injection })) as Verdict);
        }
      }),
    );
  }

  /** Stops all workers, even when one has failed; then it rejects with that worker's error. */
  async stop(): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => worker.send({ command: 'stop' })));
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
  }
}

class LaneWorker {
  readonly #worker = new Worker(new URL('lane-worker.ts', import.meta.url));
  readonly #failed: Promise<never>;

  constructor() {
    this.#failed = once(this.#worker, 'error').then(([error]) => {
      throw error;
    });
    // The worker may fail between two requests: the next request then rejects with the error.
    this.#failed.catch(() => undefined);
  }

  /** Rejects with the error of the worker when the worker fails. */
  async send(request: Request): Promise<Answer> {
    this.#worker.postMessage(request);
    const [answer] = await Promise.race([once(this.#worker, 'message'), this.#failed]);
    return answer as Answer;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
