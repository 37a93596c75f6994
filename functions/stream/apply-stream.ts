import { type BatchOutcome, type LeasedBatch, recapture } from '../../shared/batch/apply-batch.ts';
import { completeManifest } from '../../shared/batch/complete-manifest.ts';
import { assertWithinDeleteLimit } from '../../shared/batch/delete-limit.ts';
import { assertTakesBatch } from '../../shared/batch/evolve.ts';
import { nameRefusedRow } from '../../shared/batch/name-refused-row.ts';
import { assertOwnTarget } from '../../shared/batch/own-target.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import { type Counts, type EtlTransaction, NO_CHANGES, type Progress } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { RowsUntil } from '../../shared/warehouse/append-rows.ts';
import type { Attempt } from '../../shared/warehouse/attempt.ts';
import { targetGone } from '../../shared/warehouse/tables-gone.ts';
import { isReplacement, limitColumnWait } from './schema-wait.ts';
import { stagedLines } from './staged-lines.ts';
import { stagedMessages } from './staged-messages.ts';

/**
 * Streams one staged batch into its target as upserts and deletes, and records counts and checkpoint in one control transaction. Safe to
 * repeat and to run twice at once (I4, I5): every row has the same sequence number each time it is written.
 */
export async function applyStream(leased: LeasedBatch, dependencies: Dependencies): Promise<BatchOutcome> {
  const { id, source, lease } = leased;
  const { control, warehouse } = dependencies;
  const batch = await control.batches.claim(lease, id, ({ view, attempt }) =>
    warehouse.streamName({ view, etlTransactionId: id, attempt }),
  );
  if (batch.state !== 'applying') return { state: 'already finished', batch };
  try {
    const { isComplete, progress } = await write(batch, leased, dependencies);
    if (!isComplete) {
      await control.batches.saveProgress(lease, id, progress);
      return { state: 'continued', progress };
    }
    const { counts } = progress;
    const snapshot = await warehouse.snapshotTarget(source);
    const targetRows = batch.isComplete ? batch.stagedUpserts : null;
    const applied = await control.batches.markApplied(lease, batch, counts, { targetRows, snapshot });
    return { state: 'applied', counts, applied };
  } catch (error) {
    // The staged rows are gone or belong to another batch. The new capture overwrites the rows already written.
    const isLoss =
      error instanceof DataHubError && ['staging_lost', 'batch_id_collision'].includes(error.kind);
    if (!isLoss) throw error;
    await control.batches.markForNextAttempt(lease, batch, false);
    return await recapture(leased, error, dependencies);
  }
}

/** A stream goes on from where it stopped: what it appends is not billed as a job. */
export const hasBegunStream = async (): Promise<boolean> => true;

/** "Deleting or recreating a table can create a period of time": https://cloud.google.com/bigquery/docs/write-api-rest says minutes. */
const ARRIVAL_MS = 600_000;

/** How much of a batch BigQuery has acknowledged. */
type Written = { isComplete: boolean; progress: Progress };

/**
 * Writes the batch into the target, from where the last call stopped, as far as the deadline allows. A complete batch that was staged for it
 * goes into an empty target by a load job. Any other batch is streamed. The rows of a complete one are counted in the target; then the rows that
 * it did not carry are deleted. Throws `transient` while rows are missing or BigQuery does not know their columns, and `configuration` when
 * too many rows would be deleted.
 */
async function write(
  batch: EtlTransaction,
  { source, lease, deadline }: LeasedBatch,
  dependencies: Dependencies,
): Promise<Written> {
  const { clock, control, staging, warehouse } = dependencies;
  const manifest = await completeManifest(batch, dependencies);
  const shape: TableShape = {
    view: source.name,
    target: source.targetName,
    loadType: source.loadType,
    keyColumn: source.keyColumn,
    columns: manifest.columns,
  };
  const { changed, target } = await warehouse.compareTables(shape);
  if (target === null) throw targetGone(source);
  await assertOwnTarget(source.name, target, dependencies);
  assertTakesBatch(source.name, changed);
  const rows = manifest.upserts + manifest.deletes;
  const complete = (counts: Counts): Written => ({ isComplete: true, progress: { rows, counts } });
  const canDelete = batch.isComplete && batch.targetRows !== 0n;
  if (rows === 0 && !canDelete) return complete(NO_CHANGES);

  const attempt: Attempt = {
    view: batch.view,
    target: source.targetName,
    etlTransactionId: batch.id,
    token: batch.token,
    attempt: batch.attempt,
  };
  const { format, objects } = manifest;
  if (manifest.direct_load && rows > 0) {
    const name = warehouse.streamName(attempt);
    const loaded = await nameRefusedRow({ ...shape, format, objects, signal: deadline.signal }, staging, () =>
      warehouse.loadEmptyTarget(name, attempt, staging.files(manifest), deadline),
    );
    if (loaded.state === 'running') throw stillLoading(batch);
    if (loaded.state === 'loaded') return complete({ ...NO_CHANGES, added: batch.stagedUpserts });
  }
  if (format === 'avro') throw loadRefused(batch);
  const staged = (format === 'protobuf' ? stagedMessages : stagedLines)(batch, shape, manifest, dependencies);
  const { message } = staged;
  const stream = {
    ...{ attempt, message, deadline, keyColumn: shape.keyColumn },
    isReplacement: await isReplacement(source.name, target, dependencies),
  };
  const append = (rowsUntil: RowsUntil) =>
    warehouse.appendRows({ ...stream, rowsUntil }).catch((error: unknown) => {
      throw limitColumnWait(error, batch, clock.nowMs());
    });
  if (staged.progress.rows < rows) {
    await append((stop) => staged.changes(() => deadline.isNear(), stop));
  }
  if (staged.progress.rows < rows) return { isComplete: false, progress: staged.progress };
  if (batch.isComplete) {
    const streamedAt = await control.batches.markStreamed(lease, batch.id, staged.progress);
    const { written, stale } = await warehouse.countStreamed(attempt, lease.token, deadline);
    if (written < batch.stagedUpserts) {
      throw await rowsMissing({ batch, lease, streamedAt, written }, dependencies);
    }
    // Release 0.2.0 did not count the rows before the batch.
    const before = batch.targetRows ?? written + stale;
    assertWithinDeleteLimit(batch, source, { rows: before, deletes: stale });
    if (stale > 0n) await append(() => staged.deletes(warehouse.staleKeys(attempt, shape, deadline)));
  }
  return complete(staged.progress.counts);
}

/** Rows that were staged for a load into an empty target have no form that a stream takes: the view is captured again. */
const loadRefused = ({ id }: EtlTransaction): DataHubError =>
  new DataHubError(
    'staging_lost',
    `ETL transaction ${id} was staged for a load into an empty target, and the target has rows`,
  );

const stillLoading = ({ id, view }: EtlTransaction): DataHubError =>
  new DataHubError('transient', `the load of ETL transaction ${id} into its target is still running`, {
    context: { view, etlTransactionId: id },
  });

/** A complete batch all of whose rows are acknowledged, and how many of them are in the target. */
type Counted = { batch: EtlTransaction; lease: Lease; streamedAt: Date; written: bigint };

/**
 * The `transient` error for acknowledged rows that are not in the target. They may arrive, so that the next call only counts again. After
 * ARRIVAL_MS they do not: BigQuery may deliver rows for minutes to an old table of the same name, and the next call sends all of them again.
 */
async function rowsMissing(
  { batch, lease, streamedAt, written }: Counted,
  { clock, control, log }: Dependencies,
): Promise<DataHubError> {
  const { id, view } = batch;
  const isLost = clock.nowMs() - streamedAt.getTime() >= ARRIVAL_MS;
  if (isLost) {
    await control.batches.saveProgress(lease, id, { rows: 0, counts: NO_CHANGES });
    const line = {
      view,
      etlTransactionId: String(id),
      rows: String(batch.stagedUpserts),
      written: String(written),
    };
    log.warn(line, 'batch sent again');
  }
  return new DataHubError(
    'transient',
    `view ${view}: ${written} of the ${batch.stagedUpserts} rows that BigQuery acknowledged are in the target${isLost ? '; all rows are sent again' : ''}`,
    { context: { view, etlTransactionId: id } },
  );
}
