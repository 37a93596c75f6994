import type { EtlTransaction } from '../control/batches.ts';
import type { LoadType } from '../model/columns.ts';

/**
 * Whether a staged batch is not in the temp table yet, since its load outlived the call that started it: extract waits for it. Nobody
 * else may look at extract's jobs: BigQuery shows a job to whoever created it (https://cloud.google.com/bigquery/docs/managing-jobs).
 */
export function isBeingLoaded(batch: EtlTransaction, loadType: LoadType): boolean {
  const { state, loadAttempt, loadJobId, stagedUpserts, stagedDeletes } = batch;
  const hasRows = stagedUpserts + stagedDeletes > 0n;
  return loadType === 'merge' && state === 'staged' && loadAttempt === 1 && loadJobId === null && hasRows;
}
