import type { LeasedBatch } from '../../shared/batch/apply-batch.ts';
import { completeManifest } from '../../shared/batch/complete-manifest.ts';
import { nameRefusedRow } from '../../shared/batch/name-refused-row.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Attempt } from '../../shared/warehouse/attempt.ts';

/**
 * Loads the rows of a batch straight into its empty target. Returns null when the job has ended, even if the target had rows: the procedure finds
 * out whose rows they are. Safe to repeat. Throws `staging_lost` when staged objects are gone, and what BigQuery refuses.
 */
export async function loadTarget(
  batch: EtlTransaction,
  attempt: Attempt,
  { source, lease, deadline }: LeasedBatch,
  { control, staging, warehouse }: Dependencies,
): Promise<{ state: 'running' } | null> {
  const manifest = await completeManifest(batch, { staging });
  const { format, objects } = manifest;
  const loaded = { view: batch.view, keyColumn: source.keyColumn, format, objects, signal: deadline.signal };
  const name = warehouse.directLoadName(attempt);
  const outcome = await nameRefusedRow(loaded, staging, () =>
    warehouse.loadEmptyTarget(name, attempt, staging.files(manifest), deadline),
  );
  if (outcome.state === 'running') return outcome;
  if (outcome.state === 'loaded') await control.batches.markLoaded(lease, batch.id, outcome.jobId);
  return null;
}
