import assert from 'node:assert/strict';
import type { StagingResult } from '../../../shared/control/batch-transitions.ts';
import type { NewBatch } from '../../../shared/control/batches.ts';
import type { Lease } from '../../../shared/control/leases.ts';
import type { Counts, EtlTransaction } from '../../../shared/model/batch.ts';
import type { Checkpoint } from '../../../shared/model/checkpoint.ts';
import { type ControlDatabase, useControl } from './control-server.ts';

export const VIEW = 'pmr_project';
export const OTHER_VIEW = 'pmr_inventory';
export const COUNTS: Counts = { added: 3n, changed: 2n, deleted: 1n, unchanged: 0n };
export const STAGED: StagingResult = {
  upserts: 5n,
  deletes: 1n,
  bytes: 1234n,
  policyValues: {},
  loadJobId: 'load_1',
};

export const checkpoint = (floorId: bigint, seen = '{}'): Checkpoint => ({
  floorId,
  seen,
  horizons: [],
  witness: null,
});

export const DEFINITION = { fingerprint: 'ab', columns: 'cd', serverMajor: 18, settings: {} };

export const newBatch = (given: Partial<NewBatch> = {}): NewBatch => ({
  kind: 'incremental',
  trigger: 'test',
  nextCheckpoint: checkpoint(100n),
  logRows: 6n,
  badKeys: 0n,
  oldestChangeAt: new Date('2026-01-02T03:04:05Z'),
  hasMore: false,
  isComplete: false,
  queuedKeyIds: [],
  resyncRequestedAt: null,
  resyncBySystem: false,
  definition: DEFINITION,
  acceptsDeletes: false,
  isDirectLoad: false,
  targetRows: null,
  ...given,
});

/** Steps in a control database for the tests of a `describe`, each of which begins without a batch. */
export function useBatchSteps(): BatchSteps {
  const steps = new BatchSteps(useControl({ views: [VIEW, OTHER_VIEW] }));
  beforeEach(() => steps.forgetBatches());
  return steps;
}

/** Brings a batch of VIEW to any of its states, by the operations that the functions use. */
export class BatchSteps {
  readonly database: ControlDatabase;

  constructor(database: ControlDatabase) {
    this.database = database;
  }

  get control(): ControlDatabase['control'] {
    return this.database.control;
  }

  /** Deletes everything except the view sources, and resets these to their imported state. */
  async forgetBatches(): Promise<void> {
    await this.database.pool.query(
      `truncate etl.lease, etl.checkpoint, etl.queued_key, etl.etl_error, etl.etl_transaction, etl.copied_slice;
       update etl.view_source set halted_at = null, halted_reason = null, paused = false, captured_at = null,
         idle_captures = 0, bad_keys = 0`,
    );
  }

  async acquire(view = VIEW): Promise<Lease> {
    const lease = await this.control.leases.acquire(view, 60);
    assert.ok(lease);
    return lease;
  }

  async begin(given: Partial<NewBatch> = {}): Promise<{ lease: Lease; batch: EtlTransaction }> {
    const lease = await this.acquire();
    return { lease, batch: await this.control.batches.begin(lease, newBatch(given)) };
  }

  async stage(given: Partial<NewBatch> = {}): Promise<EtlTransaction> {
    const { lease, batch } = await this.begin(given);
    await this.control.batches.markStaged(lease, batch.id, STAGED);
    return batch;
  }

  async claim(batch: EtlTransaction): Promise<{ lease: Lease; batch: EtlTransaction }> {
    const lease = await this.acquire();
    const claimed = await this.control.batches.claim(
      lease,
      batch.id,
      (each) => `merge_${each.id}_${each.attempt}`,
    );
    return { lease, batch: claimed };
  }

  async apply(given: Partial<NewBatch> = {}): Promise<EtlTransaction> {
    const { lease, batch } = await this.claim(await this.stage(given));
    await this.control.batches.markApplied(lease, batch, COUNTS);
    return batch;
  }

  /** The id of the job that was last recorded to apply the batch. */
  jobOf(batch: EtlTransaction): Promise<unknown> {
    return this.database.value('select apply_job_id from etl.etl_transaction where id = $1', [batch.id]);
  }

  /** All rows of the control database, for checks that nothing changed. */
  memory(): Promise<unknown> {
    return this.database.value(
      `select json_build_object(
         'batches', (select json_agg(t order by id) from etl.etl_transaction t),
         'checkpoints', (select json_agg(c) from etl.checkpoint c),
         'keys', (select json_agg(k order by id) from etl.queued_key k),
         'views', (select json_agg(v order by name) from etl.view_source v),
         'errors', (select json_agg(e order by id) from etl.etl_error e))::text`,
    );
  }
}
