import type pg from 'pg';
import type { TargetSnapshot } from '../model/target-snapshot.ts';
import type { Queryable } from '../postgres/transaction.ts';

import { inLeasedTransaction, type Lease } from './leases.ts';

/** What is known of targets between two batches. `markApplied` records it after each batch. */
export function createTargetChecks(pool: pg.Pool) {
  return {
    /** Notes that an extract that had nothing to do has looked at the view's tables in BigQuery. */
    async note(lease: Lease): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('update etl.view_source set target_checked_at = now() where name = $1', [
          lease.view,
        ]);
      });
    },

    /** Records the hash of the reporting view's query, as BigQuery answers it after the view was made. */
    async setReportingViewHash(lease: Lease, hash: string | null): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('update etl.view_source set reporting_view_hash = $2 where name = $1', [
          lease.view,
          hash,
        ]);
      });
    },

    /** Records what the target is like after a batch or another change, or by a later count; null while it changes. */
    async setSnapshot(lease: Lease, target: TargetSnapshot | null): Promise<void> {
      await inLeasedTransaction(pool, lease, (client) => setTargetState(client, lease.view, target));
    },
  };
}

/** Within a control transaction: records what the target is like; null if that is not known. */
export async function setTargetState(
  client: Queryable,
  view: string,
  target: TargetSnapshot | null,
): Promise<void> {
  await client.query('update etl.view_source set target_state = $2 where name = $1', [
    view,
    target === null ? null : JSON.stringify(target),
  ]);
}
