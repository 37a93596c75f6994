import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import type { Injection, Verdict } from './inject.ts';
import type { Answer, LaneWorkerData, Recording, Request } from './lane-worker.ts';

/** Pools of worlds that are left keep their connections for a while. */
const MAX_CONNECTIONS = '500';

/** Several lanes on one PostgreSQL server, each in a worker, since a process has one environment. */
export class Lanes {
  readonly #postgres: Postgres;
  readonly #workers: LaneWorker[];

  private constructor(postgres: Postgres, workers: LaneWorker[]) {
    this.#postgres = postgres;
    this.#workers = workers;
  }

  static async start(count: number): Promise<Lanes> {
    const postgres = await startPostgres({ settings: { max_connections: MAX_CONNECTIONS } });
    const workers = Array.from(
      { length: count },
      (_, i) => new LaneWorker({ name: `lane${i + 1}`, serverUrl: postgres.url() }),
    );
    return new Lanes(postgres, workers);
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
      await this.#postgres.stop();
    }
  }
}

class LaneWorker {
  readonly #worker: Worker;
  readonly #failed: Promise<never>;

  constructor(workerData: LaneWorkerData) {
    this.#worker = new Worker(new URL('lane-worker.ts', import.meta.url), { workerData });
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
