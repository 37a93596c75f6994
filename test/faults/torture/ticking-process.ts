import type { ApplyResult } from '../../../shared/batch/apply-batch.ts';
import { DataHubError, dispositionOf } from '../../../shared/errors.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';

/** One process of the functions, which takes a tick of all views at once, competing with the others for each of them. */
export class TickingProcess {
  ticks = 0;
  /** Log rows of each view in captures that found nothing to do. */
  readonly carriedIdly = new Map<string, bigint>();
  readonly #installation: Installation;
  readonly #views: string[];

  constructor(installation: Installation, views: string[]) {
    this.#installation = installation;
    this.#views = views;
  }

  /** True when no view had anything to do. */
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
        this.carriedIdly.set(view, (this.carriedIdly.get(view) ?? 0n) + logRows);
        return logRows === 0n;
      }
      if (extracted.outcome === 'staged' || extracted.outcome === 'republished') await this.#apply(extracted);
      return false;
    } catch (error) {
      // What Pub/Sub would deliver again, or drop: another process was quicker.
      const isPassing = error instanceof DataHubError && ['retry', 'stop'].includes(dispositionOf(error));
      if (!isPassing) throw error;
      return false;
    }
  }

  #apply(batch: { view: string; etlTransactionId: string }): Promise<ApplyResult> {
    return batch.view === STREAMED_ENTRY.name
      ? this.#installation.stream(batch)
      : this.#installation.merge(batch);
  }
}
