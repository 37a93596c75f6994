import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { Counts } from '../model/batch.ts';
import { assertTransition, IN_FLIGHT, type State } from '../model/batch-states.ts';
import { type Checkpoint, checkpointFromJson, checkpointToJson } from '../model/checkpoint.ts';
import { inTransaction, type Queryable, readOnly } from '../postgres/transaction.ts';
import { installCheckpoint } from './checkpoints.ts';
import { resolveMissingRights } from './failures.ts';
import { assertLeaseHeld, type Lease, releaseLease, superseded } from './leases.ts';
import { releaseKeys } from './queued-keys.ts';

/** PostgreSQL reads it as the time of the transaction that it stands in. */
const NOW = 'now';

export type Kind = 'initial' | 'incremental' | 'repair' | 'backfill' | 'resync';

/** One batch of one view (etl.etl_transaction). */
export type EtlTransaction = {
  id: bigint;
  /** Tells the batch from one that another life of the control database gave the same number. */
  token: string;
  view: string;
  kind: Kind;
  state: State;
  attempt: number;
  /** The attempt under whose name the staged objects were last loaded into the temp table. */
  loadAttempt: number;
  /** The first load, once it has ended well. */
  loadJobId: string | null;
  nextCheckpoint: Checkpoint;
  stagedPrefix: string;
  stagedUpserts: bigint;
  stagedDeletes: bigint;
  /** How far it was streamed by functions that reached their time limit. */
  progress: Progress;
  stagedAt: Date | null;
  hasMore: boolean;
  /** It carries every row of the view: what it does not carry is to be deleted. */
  isComplete: boolean;
  startedAt: Date;
};

/** Staged rows that are acknowledged, from the first one on, and what they did. */
export type Progress = { rows: number; counts: Counts };

export type NewBatch = {
  kind: Kind;
  trigger: string;
  nextCheckpoint: Checkpoint;
  logRows: bigint;
  badKeys: bigint;
  oldestChangeAt: Date | null;
  hasMore: boolean;
  isComplete: boolean;
  queuedKeyIds: bigint[];
  /** The wish for a resync that it fulfils, as the extract read it before its snapshot. */
  resyncRequestedAt: Date | null;
};

export type StagedBatch = {
  upserts: bigint;
  deletes: bigint;
  bytes: bigint;
  /** By column: how many values its policy let pass. */
  policyValues: Record<string, number>;
  /** Null when no row was to be loaded, or the load outlived this call. */
  loadJobId: string | null;
};

/**
 * Opens a batch in state `extracting` and returns its number. The queued keys that it takes are marked with it.
 * Throws `superseded` when the lease is lost or another batch of the view is in flight.
 */
export async function beginBatch(pool: pg.Pool, lease: Lease, batch: NewBatch): Promise<EtlTransaction> {
  return await change(pool, lease, async (client) => {
    const { rows } = await client
      .query(
        `with number as (
           select nextval(pg_get_serial_sequence('etl.etl_transaction', 'id')) as id
         )
         insert into etl.etl_transaction
           (id, view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, log_rows, bad_keys,
            oldest_change_at, has_more, is_complete, resync_requested_at)
         select id, $1, $2, $3, 'extracting', $4, $5, $1 || '/' || id || '/', $6, $7, $8, $9, $10, $11 from number
         returning *`,
        [
          lease.view,
          batch.kind,
          batch.trigger,
          lease.token,
          checkpointToJson(batch.nextCheckpoint),
          batch.logRows,
          batch.badKeys,
          batch.oldestChangeAt,
          batch.hasMore,
          batch.isComplete,
          batch.resyncRequestedAt,
        ],
      )
      .catch((error: unknown) => {
        throw isUniqueViolation(error) ? superseded(lease) : error;
      });
    const begun = fromRow(rows[0]);
    await client.query('update etl.queued_key set etl_transaction_id = $1 where id = any($2::bigint[])', [
      begun.id,
      batch.queuedKeyIds,
    ]);
    return begun;
  });
}

/** `extracting → staged`; the lease is given back in the same transaction, so that the applier can take it. */
export async function markStaged(
  pool: pg.Pool,
  lease: Lease,
  id: bigint,
  staged: StagedBatch,
): Promise<void> {
  await change(pool, lease, async (client) => {
    await move(client, lease, id, 'extracting', 'staged', {
      staged_upserts: staged.upserts,
      staged_deletes: staged.deletes,
      staged_bytes: staged.bytes,
      policy_values: JSON.stringify(staged.policyValues),
      load_job_id: staged.loadJobId,
      staged_at: NOW,
    });
    await releaseLease(client, lease);
  });
}

/** Of a staged batch: its load, which outlived the call that started it, has ended well. Throws `superseded` when the lease is lost. */
export async function markLoaded(pool: pg.Pool, lease: Lease, id: bigint, loadJobId: string): Promise<void> {
  await change(pool, lease, async (client) => {
    await client.query(
      `update etl.etl_transaction set load_job_id = $2 where id = $1 and state = 'staged' and load_job_id is null`,
      [id, loadJobId],
    );
  });
}

/** The batch of that number. Throws `invalid_event` when there is none, or it is another view's. */
export async function getBatch(pool: pg.Pool, view: string, id: bigint): Promise<EtlTransaction> {
  const { rows } = await readOnly(
    pool,
    'control',
    'select * from etl.etl_transaction where id = $1 and view_name = $2',
    [id, view],
  );
  if (rows[0] === undefined) {
    throw new DataHubError('invalid_event', `view ${view} has no ETL transaction ${id}`, {
      context: { view },
    });
  }
  return fromRow(rows[0]);
}

/** The batch that holds the view, or null. */
export async function findInFlight(pool: pg.Pool, view: string): Promise<EtlTransaction | null> {
  const { rows } = await readOnly(
    pool,
    'control',
    'select * from etl.etl_transaction where view_name = $1 and state = any($2)',
    [view, IN_FLIGHT],
  );
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/**
 * `staged → applying` under our lease, naming the job that applies it; a batch that is `applying` already is taken over
 * as it is (its former owner's lease is gone). Returns the batch as it is then.
 */
export async function claimForApply(
  pool: pg.Pool,
  lease: Lease,
  id: bigint,
  jobId: (batch: EtlTransaction) => string,
): Promise<EtlTransaction> {
  return await change(pool, lease, async (client) => {
    const { rows } = await client.query('select * from etl.etl_transaction where id = $1 for update', [id]);
    const batch = fromRow(rows[0]);
    if (batch.state !== 'staged' && batch.state !== 'applying') return batch;
    const claimed = await client.query(
      `update etl.etl_transaction set state = 'applying', lease_token = $2, apply_job_id = $3 where id = $1 returning *`,
      [id, lease.token, jobId(batch)],
    );
    return fromRow(claimed.rows[0]);
  });
}

/** Remembers how far an `applying` batch has come, under our lease; whoever claims it next goes on there. */
export async function saveProgress(
  pool: pg.Pool,
  lease: Lease,
  id: bigint,
  { rows, counts }: Progress,
): Promise<void> {
  await change(pool, lease, async (client) => {
    const saved = await client.query(
      `update etl.etl_transaction
       set streamed_rows = $3, rows_added = $4, rows_changed = $5, rows_deleted = $6
       where id = $1 and lease_token = $2 and state = 'applying'`,
      [id, lease.token, rows, counts.added, counts.changed, counts.deleted],
    );
    if (saved.rowCount !== 1) throw superseded(lease);
  });
}

/**
 * `applying → staged` with the next attempt's number. With `loadAgain` the staged objects are to be loaded again under that
 * number before the next merge: remembered before the load is started, so that whoever goes on finds it by its name.
 */
export async function markForNextAttempt(
  pool: pg.Pool,
  lease: Lease,
  batch: EtlTransaction,
  loadAgain: boolean,
): Promise<void> {
  const attempt = batch.attempt + 1;
  const load = loadAgain ? { load_attempt: attempt } : {};
  await change(pool, lease, (client) =>
    move(client, lease, batch.id, 'applying', 'staged', { attempt, ...load }),
  );
}

/**
 * `applying → applied`: counts, checkpoint and queued keys in one transaction, which also gives the lease back.
 * Returns how late the oldest change of the batch arrived, in milliseconds, or null for a batch without log rows.
 */
export async function markApplied(
  pool: pg.Pool,
  lease: Lease,
  batch: EtlTransaction,
  counts: Counts,
): Promise<number | null> {
  return await change(pool, lease, async (client) => {
    await move(client, lease, batch.id, 'applying', 'applied', {
      rows_added: counts.added,
      rows_changed: counts.changed,
      rows_deleted: counts.deleted,
      applied_at: NOW,
      ended_at: NOW,
    });
    const { isComplete } = batch;
    await installCheckpoint(client, batch.view, batch.nextCheckpoint, {
      etlTransactionId: batch.id,
      isComplete,
    });
    await resolveMissingRights(client, batch.view);
    await client.query('delete from etl.queued_key where etl_transaction_id = $1', [batch.id]);
    await client.query(
      `update etl.view_source v set bad_keys = v.bad_keys + t.bad_keys,
         captured_at = case when t.has_more then v.captured_at else t.started_at end,
         resync_requested_at = nullif(v.resync_requested_at, t.resync_requested_at)
       from etl.etl_transaction t where t.id = $1 and v.name = t.view_name`,
      [batch.id],
    );
    const { rows } = await client.query(
      `update etl.etl_transaction set lag = applied_at - oldest_change_at where id = $1
       returning (extract(epoch from lag) * 1000)::float8 as lag_ms`,
      [batch.id],
    );
    await releaseLease(client, lease);
    return rows[0].lag_ms as number | null;
  });
}

/**
 * To `abandoned`, from `extracting` or `staged`: its log rows are covered again under a new number, its keys are free. Returns how
 * many batches of the view in a row are abandoned by now.
 */
export async function abandonBatch(
  pool: pg.Pool,
  lease: Lease,
  batch: Pick<EtlTransaction, 'id' | 'state'>,
  why: string,
): Promise<number> {
  assertTransition(batch.state, 'abandoned');
  return await change(pool, lease, async (client) => {
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
}

/** One compare-and-set of a batch's state, by the token of the lease that owns it. `set` maps columns to values. */
async function move(
  client: Queryable,
  lease: Lease,
  id: bigint,
  from: State,
  to: State,
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

function change<T>(pool: pg.Pool, lease: Lease, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(pool, 'control', 'begin', async (client) => {
    await assertLeaseHeld(client, lease);
    return await work(client);
  });
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

function fromRow(row: Record<string, unknown>): EtlTransaction {
  return {
    id: row.id as bigint,
    token: row.token as string,
    view: row.view_name as string,
    kind: row.kind as Kind,
    state: row.state as State,
    attempt: row.attempt as number,
    loadAttempt: row.load_attempt as number,
    loadJobId: row.load_job_id as string | null,
    nextCheckpoint: checkpointFromJson(row.next_checkpoint),
    stagedPrefix: row.staged_prefix as string,
    stagedUpserts: (row.staged_upserts as bigint | null) ?? 0n,
    stagedDeletes: (row.staged_deletes as bigint | null) ?? 0n,
    progress: {
      rows: Number(row.streamed_rows),
      counts: {
        added: (row.rows_added as bigint | null) ?? 0n,
        changed: (row.rows_changed as bigint | null) ?? 0n,
        deleted: (row.rows_deleted as bigint | null) ?? 0n,
      },
    },
    stagedAt: row.staged_at as Date | null,
    hasMore: row.has_more as boolean,
    isComplete: row.is_complete as boolean,
    startedAt: row.started_at as Date,
  };
}
