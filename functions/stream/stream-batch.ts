import {
  type ApplyResult,
  applyBatch,
  type HeldBatch,
  recapture,
  type Settled,
} from '../../shared/batch/apply-batch.ts';
import { nameRefusedRow } from '../../shared/batch/name-refused-row.ts';
import { deadlineOf, reserveMs } from '../../shared/batch/with-view-lease.ts';
import type { EtlTransaction, Progress } from '../../shared/control/batches.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { BatchEvent } from '../../shared/events/messages.ts';
import type { Counts } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Invocation } from '../../shared/runtime/handle.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import type { Attempt, RowsUntil } from '../../shared/warehouse/warehouse.ts';
import { encodeRows } from './encode-rows.ts';

/**
 * Streams one staged batch into its target as upserts and deletes, and sets state and checkpoint in one control transaction. Safe
 * to repeat and to run twice at once (I4, I5): every row has the same sequence number each time it is written.
 */
export async function streamBatch(
  event: BatchEvent,
  invocation: Invocation,
  dependencies: Dependencies,
): Promise<ApplyResult> {
  return await applyBatch(
    event,
    { loadType: 'bq-storage-api', functionName: 'stream', settle },
    invocation,
    dependencies,
  );
}

async function settle(held: HeldBatch, dependencies: Dependencies): Promise<Settled> {
  const { id, lease } = held;
  const { control, warehouse } = dependencies;
  const batch = await control.claimForApply(lease, id, ({ view, attempt }) =>
    warehouse.streamName({ view, etlTransactionId: id, attempt }),
  );
  if (batch.state !== 'applying') return { state: 'already finished', batch };
  try {
    const { isWhole, progress } = await write(batch, held, dependencies);
    if (!isWhole) {
      await control.saveProgress(lease, id, progress);
      return { state: 'continued', progress };
    }
    const { counts } = progress;
    const lagMs = await control.markApplied(lease, batch, counts);
    return { state: 'applied', counts, lagMs };
  } catch (error) {
    // What was staged is gone or another batch's. Rows that were written of it are older than those captured again.
    const isLoss =
      error instanceof DataHubError && ['staging_lost', 'batch_id_collision'].includes(error.kind);
    if (!isLoss) throw error;
    await control.markForNextAttempt(lease, batch, false);
    return await recapture(held, error, dependencies);
  }
}

type Written = { isWhole: boolean; progress: Progress };

/**
 * Brings the batch into the target, from where it was left, as far as the time limit allows: what is answered with is
 * acknowledged. A complete batch that was staged for it is loaded by a load job, if the target is still empty; otherwise it is
 * streamed, and what it did not carry is deleted afterwards.
 */
async function write(batch: EtlTransaction, held: HeldBatch, dependencies: Dependencies): Promise<Written> {
  const { staging, warehouse } = dependencies;
  const { source, signal } = held;
  const manifest = await wholeManifest(batch, dependencies);
  const shape: TableShape = {
    view: source.name,
    target: source.targetName,
    loadType: source.loadType,
    keyColumn: source.keyColumn,
    columns: manifest.columns,
  };
  await assertTarget(shape, dependencies);
  const rows = manifest.upserts + manifest.deletes;
  const whole = (counts: Counts): Written => ({ isWhole: true, progress: { rows, counts } });
  if (rows === 0) return whole({ added: 0n, changed: 0n, deleted: 0n });

  const deadlineMs = deadlineOf(dependencies);
  const attempt: Attempt = {
    view: batch.view,
    target: source.targetName,
    etlTransactionId: batch.id,
    token: batch.token,
    attempt: batch.attempt,
  };
  const uris = manifest.objects.map(staging.uri);
  const load = () =>
    nameRefusedRow({ ...shape, objects: manifest.objects, signal }, staging, () =>
      warehouse.loadEmptyTarget(attempt, uris, deadlineMs),
    );
  if (manifest.is_direct_load && (await load())) {
    return whole({ added: batch.stagedUpserts, changed: 0n, deleted: 0n });
  }
  const encoded = await encodeRows(batch, shape, dependencies);
  const append = (rowsOf: RowsUntil) =>
    warehouse.appendRows(attempt, shape.keyColumn, encoded.message, rowsOf, { deadlineMs, signal });
  const stopAtMs = deadlineMs - reserveMs(dependencies);
  const isTimeUp = () => dependencies.clock.nowMs() >= stopAtMs;
  await append((stop) => encoded.changes(manifest, isTimeUp, stop));
  if (encoded.progress.rows < rows) return { isWhole: false, progress: encoded.progress };
  if (batch.isComplete) await append(() => encoded.deletes(warehouse.staleKeys(attempt, shape, deadlineMs)));
  return whole(encoded.progress.counts);
}

/** The manifest of objects that are all there. Throws `staging_lost` otherwise, before any row is written. */
async function wholeManifest(batch: EtlTransaction, { staging }: Dependencies): Promise<Manifest> {
  const manifest = await staging.readManifest(batch.stagedPrefix);
  const isOurs =
    manifest !== null &&
    manifest.view === batch.view &&
    manifest.etl_transaction_id === String(batch.id) &&
    BigInt(manifest.upserts) === batch.stagedUpserts &&
    BigInt(manifest.deletes) === batch.stagedDeletes;
  if (!isOurs) {
    const how = manifest === null ? 'is gone' : "is another batch's";
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} ${how}`);
  }
  await staging.assertWhole(manifest);
  return manifest;
}

/** Throws `schema_drift` unless the target has the columns and the key, and `configuration` when it is gone. */
async function assertTarget(shape: TableShape, { warehouse }: Dependencies): Promise<void> {
  const missing = await warehouse.missingTables(shape);
  if (missing.length === 0) return;
  throw new DataHubError(
    'configuration',
    `the target of view ${shape.view} is gone, with the rows that were loaded`,
    {
      context: { view: shape.view },
      advice: 'Restore the table from its time travel window, or resync the view.',
    },
  );
}
