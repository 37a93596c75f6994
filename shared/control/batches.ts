import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { EtlTransaction, Kind } from '../model/batch.ts';
import { IN_FLIGHT, type State } from '../model/batch-states.ts';
import { type Checkpoint, checkpointFromJson, checkpointToJson } from '../model/checkpoint.ts';
import { definitionFromJson, type ViewFingerprint } from '../model/view-fingerprint.ts';
import { atOnce } from '../postgres/at-once.ts';
import { inStatement, onConnection, type Queryable } from '../postgres/transaction.ts';
import { takeOverPreparation } from './job-usage.ts';
import { inLeasedTransaction, type Lease, superseded } from './leases.ts';
import { MAX_SYSTEM_RESYNCS, RUNNING_RESYNCS } from './schema-changes.ts';

/** What a capture found, and the checkpoint that applying it installs. */
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
  /** The resync request that the batch fulfils, as it was before the snapshot. */
  resyncRequestedAt: Date | null;
  /** Whether the system requested that resync. */
  resyncBySystem: boolean;
  /** The definition by which the rows of the batch are computed. */
  definition: ViewFingerprint;
  /** Whether the operator who requested it accepts any number of deletes. */
  acceptsDeletes: boolean;
  isDirectLoad: boolean;
  /** Rows of the target now, without deleted ones, for a complete batch; null for other batches. */
  targetRows: bigint | null;
};

/** Begins batches and reads them (etl.etl_transaction). */
export function createBatches(pool: pg.Pool) {
  return {
    /**
     * Creates a batch in state `extracting` and marks the queued keys that it takes. Earlier complete batches that were not applied may have
     * streamed rows, so the lowest count of rows since the last applied batch is what the target had before them. Throws `superseded` when the
     * lease is lost or another batch of the view is in flight, and `transient` when a resync that the system requested must wait for others.
     */
    async begin(lease: Lease, batch: NewBatch): Promise<EtlTransaction> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        if (batch.resyncBySystem) await assertMayResync(client, lease.view);
        const { rows } = await client
          .query(
            `with batch as (
               select nextval(pg_get_serial_sequence('etl.etl_transaction', 'id')) as id
             )
             insert into etl.etl_transaction
               (id, view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, log_rows, bad_keys,
                oldest_change_at, has_more, is_complete, resync_requested_at, definition, accepts_deletes, is_direct_load, started_at, rows_before)
             select id, $1, $2, $3, 'extracting', $4, $5, $1 || '/' || id || '/', $6, $7, $8, $9, $10, $11, $12, $13, $14,
               -- Before the snapshot of the batch was opened.
               (select acquired_at from etl.lease where name = $1),
               case when $15::bigint is not null then least($15, (
                 select min(rows_before) from etl.etl_transaction
                 where view_name = $1 and is_complete and rows_before > 0 and id > coalesce(
                   (select max(id) from etl.etl_transaction where view_name = $1 and state = 'applied'), 0))) end
             from batch
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
              JSON.stringify(batch.definition),
              batch.acceptsDeletes,
              batch.isDirectLoad,
              batch.targetRows,
            ],
          )
          .catch((error: unknown) => {
            throw isUniqueViolation(error) ? superseded(lease) : error;
          });
        const begun = batchFromRow(rows[0]);
        await atOnce(client, () => [
          client.query('update etl.queued_key set etl_transaction_id = $1 where id = any($2::bigint[])', [
            begun.id,
            batch.queuedKeyIds,
          ]),
          takeOverPreparation(client, lease, begun.id),
        ]);
        return begun;
      });
    },

    /** The batch with this id. Throws `invalid_event` when the view has none. */
    get: (view: string, id: bigint): Promise<EtlTransaction> =>
      onConnection(pool, 'control', (client) => readBatch(client, view, id)),

    /** Whether a batch of the view was applied before this time. */
    async wasAppliedBefore(view: string, time: Date): Promise<boolean> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select exists (select from etl.etl_transaction where view_name = $1 and state = 'applied' and applied_at < $2) as was_applied`,
        [view, time],
      );
      return rows[0]?.was_applied === true;
    },

    /** The view's batch that is in flight, or null. */
    findInFlight: (view: string): Promise<EtlTransaction | null> =>
      onConnection(pool, 'control', (client) => readInFlight(client, view)),
  };
}

/** The batch of the view with this id. Throws `invalid_event` when it has none. */
export async function readBatch(client: Queryable, view: string, id: bigint): Promise<EtlTransaction> {
  const { rows } = await client.query('select * from etl.etl_transaction where id = $1 and view_name = $2', [
    id,
    view,
  ]);
  if (rows[0] !== undefined) return batchFromRow(rows[0]);
  throw new DataHubError('invalid_event', `view ${view} has no ETL transaction ${id}`, {
    context: { view },
    advice: 'Call {"status":true}: inFlight shows the batch of each view that can be applied.',
  });
}

/** The view's batch that is in flight, or null. */
export async function readInFlight(client: Queryable, view: string): Promise<EtlTransaction | null> {
  const { rows } = await client.query(
    'select * from etl.etl_transaction where view_name = $1 and state = any($2)',
    [view, IN_FLIGHT],
  );
  return rows[0] === undefined ? null : batchFromRow(rows[0]);
}

/** Throws `transient` while enough other views are being resynced by the system. Beginners of such batches wait for one another. */
async function assertMayResync(client: Queryable, view: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtext('smart-datahub: resyncs by the system'))`);
  const { rows } = await client.query(RUNNING_RESYNCS, [view]);
  if ((rows[0].running as number) < MAX_SYSTEM_RESYNCS) return;
  throw new DataHubError('transient', `the resync of view ${view} waits for those of other views`, {
    context: { view },
  });
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

export function batchFromRow(row: Record<string, unknown>): EtlTransaction {
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
    badKeys: row.bad_keys as bigint,
    progress: {
      rows: Number(row.streamed_rows),
      counts: {
        added: (row.rows_added as bigint | null) ?? 0n,
        changed: (row.rows_changed as bigint | null) ?? 0n,
        deleted: (row.rows_deleted as bigint | null) ?? 0n,
        unchanged: (row.rows_unchanged as bigint | null) ?? 0n,
      },
    },
    streamedAt: row.streamed_at as Date | null,
    stagedAt: row.staged_at as Date | null,
    hasMore: row.has_more as boolean,
    isComplete: row.is_complete as boolean,
    definition: definitionFromJson(row.definition),
    acceptsDeletes: row.accepts_deletes as boolean,
    isDirectLoad: row.is_direct_load as boolean,
    targetRows: row.rows_before as bigint | null,
    startedAt: row.started_at as Date,
  };
}
