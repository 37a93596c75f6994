import type pg from 'pg';
import { type Checkpoint, checkpointFromJson, checkpointToJson } from '../model/checkpoint.ts';
import { definitionFromJson, type ViewFingerprint } from '../model/view-fingerprint.ts';
import { atOnce } from '../postgres/at-once.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { resolveMissingRights } from './failures.ts';
import { inLastTransaction, inLeasedTransaction, type Lease, releaseLease } from './leases.ts';
import { endRetries } from './retries.ts';

export type StoredCheckpoint = {
  checkpoint: Checkpoint;
  floorMovedAt: Date;
  /** The definition by which the rows in the target were computed; null until a capture has recorded it. */
  definition: ViewFingerprint | null;
  /** Maximum number of log rows of a batch, after a larger one was too slow; null when none was. */
  maxLogRows: number | null;
  /** The last applied batch. */
  etlTransactionId: bigint | null;
};

/** What the applied batches of each view have covered (I2). */
export function createCheckpoints(pool: pg.Pool) {
  return {
    /** What the applied batches of the view have covered; null before the initial load is applied. */
    async read(view: string): Promise<StoredCheckpoint | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select floor_id, seen::text, horizons, witness_id, witness_hash, floor_moved_at, max_log_rows, definition,
           etl_transaction_id
         from etl.checkpoint where view_name = $1`,
        [view],
      );
      const row = rows[0];
      if (row === undefined) return null;
      const checkpoint = checkpointFromJson({
        floorId: String(row.floor_id),
        seen: row.seen,
        horizons: row.horizons,
        witness: row.witness_id === null ? null : { id: String(row.witness_id), hash: row.witness_hash },
      });
      return {
        checkpoint,
        floorMovedAt: row.floor_moved_at as Date,
        definition: definitionFromJson(row.definition),
        maxLogRows: row.max_log_rows as number | null,
        etlTransactionId: row.etl_transaction_id as bigint | null,
      };
    },

    /** Deletes the checkpoint of a view whose target does not exist: nothing is covered. Throws `superseded` when the lease is lost. */
    async forget(lease: Lease): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('delete from etl.checkpoint where view_name = $1', [lease.view]);
      });
    },

    /** Sets the maximum number of log rows of the view's next batches; null for the configured number. Throws `superseded` when the lease is lost. */
    async setBatchSize(lease: Lease, maxLogRows: number | null): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('update etl.checkpoint set max_log_rows = $2 where view_name = $1', [
          lease.view,
          maxLogRows,
        ]);
      });
    },

    /**
     * Records why batches of changes may leave rows of the target wrong, until a complete batch is applied. Safe to repeat: the first time
     * stays. Throws `superseded` when the lease is lost.
     */
    async adviseResync(lease: Lease, reason: string): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query(
          `update etl.view_source set resync_advised_at = coalesce(resync_advised_at, now()), resync_advised_reason = $2
           where name = $1`,
          [lease.view, reason],
        );
      });
    },

    /**
     * Records a capture that found nothing to do: moves the checkpoint, notes the time and a counter on the view, deletes the queued keys
     * that the capture checked and releases the lease, in one transaction. Throws `superseded` when the lease is lost.
     */
    async move(
      lease: Lease,
      checkpoint: Checkpoint,
      found: { badKeys: bigint; hasMore: boolean; queuedKeyIds: bigint[]; definition: ViewFingerprint },
    ): Promise<void> {
      const { badKeys, definition, hasMore, queuedKeyIds } = found;
      const installed = { etlTransactionId: null, isComplete: false, definition };
      await inLastTransaction(pool, lease, (client) =>
        atOnce(client, () => [
          installCheckpoint(client, lease.view, checkpoint, installed),
          resolveMissingRights(client, lease.view),
          endRetries(client, lease.view),
          client.query(
            `update etl.view_source set idle_captures = idle_captures + 1, bad_keys = bad_keys + $2, missing_since = null,
               captured_at = case when $3 then captured_at else (select acquired_at from etl.lease l where l.name = view_source.name) end
             where name = $1`,
            [lease.view, badKeys, hasMore],
          ),
          client.query('delete from etl.queued_key where id = any($1::bigint[])', [queuedKeyIds]),
          releaseLease(client, lease),
        ]),
      );
    },
  };
}

/**
 * Within a control transaction: installs a checkpoint. It only moves forward: everything that was covered stays covered, or it throws a
 * RangeError (a bug: the caller did not compute the checkpoint from the stored one). A complete batch may replace any checkpoint, since
 * its own says exactly which log rows its snapshot contained.
 */
export async function installCheckpoint(
  client: Queryable,
  view: string,
  checkpoint: Checkpoint,
  batch: { etlTransactionId: bigint | null; isComplete: boolean; definition: ViewFingerprint | null },
): Promise<void> {
  const { horizons } = JSON.parse(checkpointToJson(checkpoint)) as { horizons: unknown };
  const installed = await client.query(
    `insert into etl.checkpoint as old
       (view_name, floor_id, seen, horizons, witness_id, witness_hash, etl_transaction_id, definition)
     values ($1, $2, $3, $4, $5, $6, $7, $9)
     on conflict (view_name) do update set
       floor_id = excluded.floor_id, seen = excluded.seen, horizons = excluded.horizons,
       witness_id = excluded.witness_id, witness_hash = excluded.witness_hash,
       etl_transaction_id = coalesce(excluded.etl_transaction_id, old.etl_transaction_id),
       definition = coalesce(excluded.definition, old.definition),
       floor_moved_at = case when excluded.floor_id > old.floor_id then now() else old.floor_moved_at end,
       updated_at = now()
     where $8 or excluded.seen + int8multirange(int8range(null, excluded.floor_id, '(]'))
        @> old.seen + int8multirange(int8range(null, old.floor_id, '(]'))`,
    [
      view,
      checkpoint.floorId,
      checkpoint.seen,
      JSON.stringify(horizons),
      checkpoint.witness?.id ?? null,
      checkpoint.witness?.hash ?? null,
      batch.etlTransactionId,
      batch.isComplete,
      batch.definition === null ? null : JSON.stringify(batch.definition),
    ],
  );
  if (installed.rowCount !== 1) throw new RangeError(`the checkpoint of ${view} would move backwards`);
}
