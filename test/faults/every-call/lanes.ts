import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import type { Injection, Verdict } from './inject.ts';
import type { Answer, Recording, Request } from './lane-worker.ts';

/** Pools of worlds that are left keep their connections for a while. */
const MAX_CONNECTIONS = '500';

/** Several lanes on one PostgreSQL server, each in a worker, since a process has one environment. */
export class Lanes {
  readonly #postgres: Postgres;
  readonly #workers: Worker[];

  private constructor(postgres: Postgres, workers: Worker[]) {
    this.#postgres = postgres;
    this.#workers = workers;
  }

  static async start(count: number): Promise<Lanes> {
    const postgres = await startPostgres({ settings: { max_connections: MAX_CONNECTIONS } });
    const workers = Array.from(
      { length: count },
      (_, i) =>
        new Worker(new URL('lane-worker.ts', import.meta.url), {
          workerData: { name: `lane${i + 1}`, serverUrl: postgres.url() },
        }),
    );
    return new Lanes(postgres, workers);
  }

  /** The calls of every situation, in the order in which their servers got them. */
  async record(): Promise<Recording> {
    const [first] = this.#workers;
    if (first === undefined) throw new RangeError('there is no lane');
    return (await ask(first, { ask: 'record' })) as Recording;
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
          onVerdict(injection, (await ask(worker, { ask: 'inject', injection })) as Verdict);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => ask(worker, { ask: 'stop' })));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    await this.#postgres.stop();
  }
}

/** Rejects with what the worker ended with, if it does. */
async function ask(worker: Worker, request: Request): Promise<Answer> {
  worker.postMessage(request);
  const [answer] = await once(worker, 'message');
  return answer as Answer;
}
