import { nameRefusedRow } from '../../shared/batch/name-refused-row.ts';
import { deadlineOf } from '../../shared/batch/with-view-lease.ts';
import type { EtlTransaction } from '../../shared/control/batches.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { StagedObject } from '../../shared/staging/staging.ts';

/**
 * Waits for the load of a staged batch that outlived the call which started it; false when it outlives this one, too. Throws
 * `staging_lost` when what was to be loaded is gone.
 */
export async function awaitLoad(
  batch: EtlTransaction,
  viewSource: ViewSource,
  lease: Lease,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<boolean> {
  const { control, log, staging } = dependencies;
  const manifest = await staging.readManifest(batch.stagedPrefix);
  if (manifest === null) {
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} is gone`);
  }
  const until = { signal, deadlineMs: deadlineOf(dependencies) };
  const loadJobId = await loadStaged(batch, viewSource, manifest.objects, until, dependencies);
  if (loadJobId === null) {
    log.info({ view: batch.view, etlTransactionId: String(batch.id) }, 'batch still being loaded');
    return false;
  }
  await control.markLoaded(lease, batch.id, loadJobId);
  return true;
}

/** Appends the staged rows to the temp table, or finds the load that does; answers its id, or null when it outlives the deadline. */
export async function loadStaged(
  { id, view, token, loadAttempt }: EtlTransaction,
  { keyColumn, targetName }: ViewSource,
  objects: StagedObject[],
  { signal, deadlineMs }: { signal: AbortSignal; deadlineMs: number },
  { staging, warehouse }: Dependencies,
): Promise<string | null> {
  const attempt = { view, target: targetName, etlTransactionId: id, token, attempt: loadAttempt };
  return await nameRefusedRow({ view, keyColumn, objects, signal }, staging, () =>
    warehouse.load(attempt, objects.map(staging.uri), deadlineMs),
  );
}
