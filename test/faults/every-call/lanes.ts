import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Injection, Verdict } from './inject.ts';
import type { Answer, Recording, Request } from './lane-worker.ts';

/** Several lanes, each in a worker, since a process has one environment. */
export class Lanes {
  readonly #workers: LaneWorker[];

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => new LaneWorker());
  }

  /** The calls of every situation, in the order in which their servers got them. */
  async record(): Promise<Recording> {
    const [first] = this.#workers;
    if (first === undefined) throw new RangeError('there is no lane');
    return (await first.ask({ command: 'record' })) as Recording;
  }

  /** Injects all of them, several at a time; `onVerdict` hears of each when it is known. */
  async inject(
    injections: readonly Injection[],
    onVerdict: (injection: Injection, verdict: Verdict) => void,
  ): Promise<void> {
    const waiting = [...injections].reverse();
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (let injection = waiting.pop(); injection !== undefined; injection = waiting.pop()) {
          onVerdict(injection, (await worker.ask({ command: 'inject', injection })) as Verdict);
        }
      }),
    );
  }

  /** Leaves nothing running, also when a worker has failed, and rejects with its error then. */
  async stop(): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => worker.ask({ command: 'stop' })));
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
    // It may fail while it is asked nothing: the next question is answered with the error.
    this.#failed.catch(() => undefined);
  }

  /** Rejects with what the worker ended with, if it does. */
  async ask(request: Request): Promise<Answer> {
    this.#worker.postMessage(request);
    const [answer] = await Promise.race([once(this.#worker, 'message'), this.#failed]);
    return answer as Answer;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
