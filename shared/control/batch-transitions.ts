import type pg from 'pg';
import type { Counts, EtlTransaction, Progress } from '../model/batch.ts';
import { assertTransition, type State } from '../model/batch-states.ts';
import type { TargetSnapshot } from '../model/target-snapshot.ts';
import { atOnce } from '../postgres/at-once.ts';
import { inTransaction, type Queryable } from '../postgres/transaction.ts';
import { batchFromRow } from './batches.ts';
import { installCheckpoint } from './checkpoints.ts';
import { resolveMissingRights } from './failures.ts';
import {
  assertLeaseHeld,
  inLastTransaction,
  inLeasedTransaction,
  type Lease,
  releaseLease,
  superseded,
} from './leases.ts';
import { releaseKeys } from './queued-keys.ts';
import { endRetries } from './retries.ts';
import { noteCount } from './row-counts.ts';
import { setTargetState } from './target-checks.ts';

/** PostgreSQL reads this text as the time of the current transaction. */
const NOW = 'now';

/** What `extract` staged for a batch. */
export type StagingResult = {
  upserts: bigint;
  deletes: bigint;
  bytes: bigint;
  /** By column: how many unrepresentable values its policy let pass. */
  policyValues: Record<string, number>;
  /** Null when there was nothing to load, or the load outlived this call. */
  loadJobId: string | null;
  /** A count of the view's rows in the batch's snapshot; its result is null when it failed. Left out when there was none. */
  counted?: { rows: bigint | null; durationMs: number } | null;
};

/** `targetRows` of a complete batch are those of the target after it, null if nobody counted them. */
export type AfterBatch = { targetRows: bigint | null; snapshot: TargetSnapshot | null };

export type Applied = {
  /** How late the oldest change of the batch arrived, in milliseconds; null for a batch without log rows. */
  lagMs: number | null;
  /** The rows of the view in the snapshot of the batch, and of the target after it; null where they are not known. */
  sourceRows: bigint | null;
  targetRows: bigint | null;
};

/** Moves batches from state to state. Each change is a compare-and-set that carries the token of the lease. */
export function createBatchTransitions(pool: pg.Pool) {
  return {
    /** `extracting → staged`. The same transaction releases the lease, so that the applier can take it. */
    async markStaged(lease: Lease, id: bigint, staged: StagingResult): Promise<void> {
      const set = {
        staged_upserts: staged.upserts,
        staged_deletes: staged.deletes,
        staged_bytes: staged.bytes,
        policy_values: JSON.stringify(staged.policyValues),
        load_job_id: staged.loadJobId,
        staged_at: NOW,
        source_rows: staged.counted?.rows ?? null,
      };
      await inLastTransaction(pool, lease, (client) =>
        atOnce(client, () => [
          move(client, lease, { id, from: 'extracting', to: 'staged' }, set),
          staged.counted ? noteCount(client, lease.view, staged.counted.durationMs) : Promise.resolve(),
          endRetries(client, lease.view, 'extract'),
          releaseLease(client, lease),
        ]),
      );
    },

    /** Records that the load of a batch has succeeded: one that outlived the call which started it, or one straight into the target. Safe to repeat. */
    async markLoaded(lease: Lease, id: bigint, loadJobId: string): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query(
          `update etl.etl_transaction set load_job_id = $2 where id = $1 and state in ('staged', 'applying') and load_job_id is null`,
          [id, loadJobId],
        );
        await endRetries(client, lease.view, 'extract');
      });
    },

    /**
     * `staged → applying` under this lease, recording the job that applies the batch. A batch that is already `applying` is taken over
     * unchanged, since its former owner has lost the lease. Returns the batch as it is now, and whether it was taken over.
     */
    async claim(
      lease: Lease,
      id: bigint,
      jobId: (batch: EtlTransaction) => string,
    ): Promise<EtlTransaction & { isTakenOver: boolean }> {
      // If the transaction does not begin, the locks end with their statements.
      const begin = (client: pg.PoolClient) =>
        atOnce(client, () => [
          client.query('begin'),
          assertLeaseHeld(client, lease),
          client.query('select * from etl.etl_transaction where id = $1 for update', [id]),
        ]);
      return await inTransaction(pool, 'control', begin, async (client, [, , { rows }]) => {
        const batch = batchFromRow(rows[0]);
        const isTakenOver = batch.state === 'applying';
        if (batch.state !== 'staged' && !isTakenOver) return { ...batch, isTakenOver };
        const claimed = await client.query(
          `update etl.etl_transaction set state = 'applying', lease_token = $2, apply_job_id = $3 where id = $1 returning *`,
          [id, lease.token, jobId(batch)],
        );
        return { ...batchFromRow(claimed.rows[0]), isTakenOver };
      });
    },

    /** Records how far an `applying` batch has come under this lease, before its last row. The next claim continues from there. */
    async saveProgress(lease: Lease, id: bigint, progress: Progress): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await setProgress(client, lease, id, progress, false);
        await endRetries(client, lease.view);
      });
    },

    /** Records that all rows of an `applying` batch are acknowledged. Returns when the first call since `saveProgress` recorded that. */
    async markStreamed(lease: Lease, id: bigint, progress: Progress): Promise<Date> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        const streamedAt = await setProgress(client, lease, id, progress, true);
        return streamedAt as Date;
      });
    },

    /**
     * `applying → staged` for the next attempt. With `loadAgain`, that attempt loads the staged objects again before it merges; this is
     * recorded before the load starts, so that any later call finds the load job by its name.
     */
    async markForNextAttempt(lease: Lease, batch: EtlTransaction, loadAgain: boolean): Promise<void> {
      const attempt = batch.attempt + 1;
      const load = loadAgain ? { load_attempt: attempt } : {};
      await inLeasedTransaction(pool, lease, (client) =>
        move(client, lease, { id: batch.id, from: 'applying', to: 'staged' }, { attempt, ...load }),
      );
    },

    /**
     * `applying → applied`: records counts and what the target is like, installs the checkpoint, removes the queued keys and releases the
     * lease, in one transaction.
     */
    async markApplied(
      lease: Lease,
      batch: EtlTransaction,
      counts: Counts,
      after: AfterBatch = { targetRows: null, snapshot: null },
    ): Promise<Applied> {
      const { id, view, isComplete, definition, nextCheckpoint } = batch;
      const set = {
        rows_added: counts.added,
        rows_changed: counts.changed,
        rows_deleted: counts.deleted,
        rows_unchanged: counts.unchanged,
        applied_at: NOW,
        ended_at: NOW,
      };
      return await inLastTransaction(pool, lease, async (client) => {
        const installed = { etlTransactionId: id, isComplete, definition };
        const [, , , , , , , { rows }] = await atOnce(client, () => [
          move(client, lease, { id, from: 'applying', to: 'applied' }, set),
          installCheckpoint(client, view, nextCheckpoint, installed),
          resolveMissingRights(client, view),
          endRetries(client, view),
          setTargetState(client, view, after.snapshot),
          client.query('delete from etl.queued_key where etl_transaction_id = $1', [id]),
          client.query(
            `update etl.view_source v set bad_keys = v.bad_keys + t.bad_keys, missing_since = null,
               captured_at = case when t.has_more then v.captured_at else t.started_at end,
               resync_requested_at = nullif(v.resync_requested_at, t.resync_requested_at),
               resync_advised_at = case when t.is_complete then null else v.resync_advised_at end,
               resync_advised_reason = case when t.is_complete then null else v.resync_advised_reason end
             from etl.etl_transaction t where t.id = $1 and v.name = t.view_name`,
            [id],
          ),
          client.query(
            // A stream does not tell which rows were there: only a whole view says how many the target has then.
            `update etl.etl_transaction t set lag = applied_at - oldest_change_at,
               -- A whole view that several calls have copied is of no single snapshot.
               source_rows = case when is_complete and not has_more then staged_upserts else source_rows end,
               target_rows = case when is_complete then $2::int8
                 when (select v.load_type from etl.view_source v where v.name = t.view_name) = 'merge' then
                   (select before.target_rows from etl.etl_transaction before
                    where before.view_name = t.view_name and before.state = 'applied' and before.id < t.id order by before.id desc limit 1)
                   + rows_added - rows_deleted end
             where id = $1
             returning (extract(epoch from lag) * 1000)::float8 as "lagMs", source_rows as "sourceRows", target_rows as "targetRows"`,
            [id, after.targetRows],
          ),
          releaseLease(client, lease),
        ]);
        return rows[0] as Applied;
      });
    },

    /**
     * `extracting` or `staged → abandoned`: a later batch covers its log rows again, and its queued keys are released. Returns how many
     * batches of the view have been abandoned in a row.
     */
    async abandon(lease: Lease, batch: Pick<EtlTransaction, 'id' | 'state'>, why: string): Promise<number> {
      assertTransition(batch.state, 'abandoned');
      return await inLeasedTransaction(pool, lease, async (client) => {
        const done = await client.query(
          `update etl.etl_transaction set state = 'abandoned', ended_at = now(), error = $3 where id = $1 and state = $2`,
          [batch.id, batch.state, why],
        );
        if (done.rowCount !== 1) throw superseded(lease);
        await releaseKeys(client, batch.id);
        const { rows } = await client.query(
          `select count(*)::int4 as in_a_row from etl.etl_transaction
           where view_name = $1 and state = 'abandoned' and id > coalesce(
             (select max(id) from etl.etl_transaction where view_name = $1 and state = 'applied'), 0)`,
          [lease.view],
        );
        return rows[0].in_a_row as number;
      });
    },
  };
}

/** Returns `streamed_at`, which is null unless all rows are acknowledged. */
async function setProgress(
  client: Queryable,
  lease: Lease,
  id: bigint,
  { rows, counts }: Progress,
  isStreamed: boolean,
): Promise<Date | null> {
  const saved = await client.query(
    `update etl.etl_transaction
     set streamed_rows = $3, rows_added = $4, rows_changed = $5, rows_deleted = $6, rows_unchanged = $7,
       streamed_at = case when $8 then coalesce(streamed_at, now()) end
     where id = $1 and lease_token = $2 and state = 'applying' returning streamed_at`,
    [id, lease.token, rows, counts.added, counts.changed, counts.deleted, counts.unchanged, isStreamed],
  );
  if (saved.rowCount !== 1) throw superseded(lease);
  return saved.rows[0].streamed_at as Date | null;
}

/** Changes a batch's state by compare-and-set, if the lease owns it. `set` maps column names to values. */
async function move(
  client: Queryable,
  lease: Lease,
  { id, from, to }: { id: bigint; from: State; to: State },
  set: Record<string, unknown>,
): Promise<void> {
  assertTransition(from, to);
  const columns = Object.keys(set);
  const moved = await client.query(
    `update etl.etl_transaction set state = $4${columns.map((name, i) => `, ${name} = $${i + 5}`).join('')}
     where id = $1 and state = $2 and lease_token = $3`,
    [id, from, lease.token, to, ...Object.values(set)],
  );
  if (moved.rowCount !== 1) throw superseded(lease);
}
