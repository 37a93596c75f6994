import type pg from 'pg';
import type { EtlTransaction } from '../model/batch.ts';
import type { ViewSource } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import { onConnection } from '../postgres/transaction.ts';
import { readBatch, readInFlight } from './batches.ts';
import { readOverBudget } from './job-usage.ts';
import { readViewSource } from './view-sources.ts';

/** What work on a view begins with. Each method reads it in one round trip, but not at one moment. */
export function createViewWork(pool: pg.Pool) {
  return {
    /** The view source, its batch in flight (null: none), and whether its budget is used up. Throws `invalid_event` as `viewSources.get` does. */
    async ofExtract(
      view: string,
    ): Promise<{ source: ViewSource; inFlight: EtlTransaction | null; isOverBudget: boolean }> {
      const [source, inFlight, isOverBudget] = await onConnection(pool, 'control', (client) =>
        atOnce(client, () => [
          readViewSource(client, view),
          readInFlight(client, view),
          readOverBudget(client, view),
        ]),
      );
      return { source, inFlight, isOverBudget };
    },

    /** The view source, one of its batches, and whether its budget is used up. Throws `invalid_event` if there is no such view or batch. */
    async ofApply(
      view: string,
      id: bigint,
    ): Promise<{ source: ViewSource; batch: EtlTransaction; isOverBudget: boolean }> {
      const [source, batch, isOverBudget] = await onConnection(pool, 'control', (client) =>
        atOnce(client, () => [
          readViewSource(client, view),
          readBatch(client, view, id),
          readOverBudget(client, view),
        ]),
      );
      return { source, batch, isOverBudget };
    },
  };
}
