import { nameRefusedRow } from '../../shared/batch/name-refused-row.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import type { LeasedView } from './extraction.ts';

/**
 * Waits for the load of a staged batch that outlived the call which started it. Returns false when the load outlives this call as well.
 * Throws `staging_lost` when the staged objects are gone.
 */
export async function awaitLoad(
  batch: EtlTransaction,
  leased: LeasedView,
  dependencies: Dependencies,
): Promise<boolean> {
  const { control, log, staging } = dependencies;
  const manifest = await staging.readManifest(batch.stagedPrefix);
  if (manifest === null) {
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} is gone`);
  }
  const loadJobId = await loadBatch(batch, leased, manifest, dependencies);
  if (loadJobId === null) {
    log.info({ view: batch.view, etlTransactionId: String(batch.id) }, 'batch still being loaded');
    return false;
  }
  await control.batches.markLoaded(leased.lease, batch.id, loadJobId);
  return true;
}

/**
 * Appends the staged rows to the temp table, or finds the load job that does. Returns the job's id, or null when the load outlives the
 * deadline.
 */
export async function loadBatch(
  { id, view, token, loadAttempt }: EtlTransaction,
  { source, deadline }: LeasedView,
  staged: Pick<Manifest, 'format' | 'objects'>,
  { staging, warehouse }: Dependencies,
): Promise<string | null> {
  const { keyColumn, targetName } = source;
  const attempt = { view, target: targetName, etlTransactionId: id, token, attempt: loadAttempt };
  return await nameRefusedRow({ view, keyColumn, ...staged, signal: deadline.signal }, staging, () =>
    warehouse.load(attempt, staging.files(staged), deadline),
  );
}
