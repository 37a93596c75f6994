import type { Lease } from '../control/leases.ts';
import type { EtlTransaction } from '../model/batch.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Abandons a batch with the reason; a new batch captures its log rows again. A second abandoned batch in a row is logged as an error,
 * for an operator to look at.
 */
export async function abandonBatch(
  lease: Lease,
  batch: Pick<EtlTransaction, 'id' | 'state'>,
  why: string,
  { control, log }: Dependencies,
): Promise<void> {
  const inARow = await control.batches.abandon(lease, batch, why);
  const line = { view: lease.view, etlTransactionId: String(batch.id), why, inARow };
  if (inARow < 2) log.warn(line, 'batch abandoned');
  else log.error(line, 'batch abandoned again');
}
