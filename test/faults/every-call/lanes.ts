import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Injection, Verdict } from './inject.ts';
import type { Answer, Recorded, Request } from './lane-process.ts';
import { SITUATIONS, type Situation } from './situation.ts';

const PROGRAM = fileURLToPath(new URL('lane-process.ts', import.meta.url));

/** Several lanes, each in a process of its own, because a process has only one environment. */
export class Lanes {
  readonly #processes: LaneProcess[];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new LaneProcess());
  }

  /** Returns the calls of every situation, in the order in which their servers received them. */
  async record(): Promise<Recorded[]> {
    const recorded = new Map<Situation, Recorded>();
    await this.#share(SITUATIONS, async (lane, situation) => {
      recorded.set(situation, (await lane.send({ command: 'record', situation })) as Recorded);
    });
    return SITUATIONS.flatMap((situation) => recorded.get(situation) ?? []);
  }

  /** Makes all injections, several at a time, and calls `onVerdict` for each when its verdict is known. */
  async inject(
    injections: readonly Injection[],
    onVerdict: (injection: Injection, verdict: Verdict) => void,
  ): Promise<void> {
    await this.#share(injections, async (lane, injection) => {
      onVerdict(injection, (await lane.send({ command: 'inject', injection })) as Verdict);
    });
  }

  /** Gives each lane the next piece of work as soon as it is free. */
  async #share<T>(work: readonly T[], run: (lane: LaneProcess, piece: T) => Promise<void>): Promise<void> {
    const waiting = work.values();
    await Promise.all(
      this.#processes.map(async (lane) => {
        for (const piece of waiting) await run(lane, piece);
      }),
    );
  }

  /** Stops all processes, even when one has failed; then it rejects with that one's error. */
  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.#processes.map((lane) => lane.stop()));
    const failed = stopped.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

class LaneProcess {
  readonly #child = fork(PROGRAM, [], { serialization: 'advanced', execArgv: [] });
  readonly #exited: Promise<number | null>;

  constructor() {
    this.#exited = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  /** Rejects when the process ends without an answer. It has written the reason to its console, which is ours. */
  async send(request: Request): Promise<Answer> {
    this.#child.send(request);
    const [answer] = await Promise.race([once(this.#child, 'message'), this.#ended()]);
    return answer as Answer;
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    try {
      await this.send({ command: 'stop' });
    } finally {
      if (this.#child.connected) this.#child.disconnect();
      await this.#exited;
    }
  }

  async #ended(): Promise<never> {
    throw new Error(`the process of a lane ended with ${await this.#exited}`);
  }
}
