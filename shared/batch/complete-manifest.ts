import { DataHubError } from '../errors.ts';
import type { EtlTransaction } from '../model/batch.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Manifest } from '../staging/staging.ts';

/** The manifest of objects that all exist, unchanged. Throws `staging_lost` otherwise, before any row is written. */
export async function completeManifest(
  batch: EtlTransaction,
  { staging }: Pick<Dependencies, 'staging'>,
): Promise<Manifest> {
  const manifest = await staging.readManifest(batch.stagedPrefix);
  const isOurs =
    manifest !== null &&
    manifest.view === batch.view &&
    manifest.etl_transaction_id === String(batch.id) &&
    BigInt(manifest.upserts) === batch.stagedUpserts &&
    BigInt(manifest.deletes) === batch.stagedDeletes;
  if (!isOurs) {
    const how = manifest === null ? 'is gone' : 'belongs to another batch';
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} ${how}`);
  }
  await staging.assertWhole(manifest);
  return manifest;
}
