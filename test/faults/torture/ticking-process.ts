import type { Installation } from '../../support/installation.ts';
import { isRecoverable } from '../../support/is-recoverable.ts';

/** One process of the functions. A tick handles all views concurrently and competes with other processes for each of them. */
export class TickingProcess {
  ticks = 0;
  /** The log rows of each view that captures read without finding work. */
  readonly idleLogRows = new Map<string, bigint>();
  readonly #installation: Installation;
  readonly #views: string[];

  constructor(installation: Installation, views: string[]) {
    this.#installation = installation;
    this.#views = views;
  }

  /** Returns true when no view had work. */
  async tick(): Promise<boolean> {
    const isIdle = await Promise.all(this.#views.map((view) => this.#tickView(view)));
    this.ticks += 1;
    return isIdle.every(Boolean);
  }

  async #tickView(view: string): Promise<boolean> {
    try {
      const extracted = await this.#installation.extract(view);
      if (extracted.outcome === 'idle') {
        const logRows = BigInt(extracted.logRows);
        this.idleLogRows.set(view, (this.idleLogRows.get(view) ?? 0n) + logRows);
        return logRows === 0n;
      }
      if (extracted.outcome === 'staged' || extracted.outcome === 'republished') {
        await this.#installation.apply(extracted);
      }
      return false;
    } catch (error) {
      if (!isRecoverable(error)) throw error;
      return false;
    }
  }
}
