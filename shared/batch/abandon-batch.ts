import type { EtlTransaction } from '../control/batches.ts';
import type { Lease } from '../control/leases.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Gives a batch up, with the reason; its log rows are captured again under a new number. Twice in a row is for an operator to look at. */
export async function abandon(
  lease: Lease,
  batch: Pick<EtlTransaction, 'id' | 'state'>,
  why: string,
  { control, log }: Dependencies,
): Promise<void> {
  const inARow = await control.abandonBatch(lease, batch, why);
  const line = { view: lease.view, etlTransactionId: String(batch.id), why, inARow };
  if (inARow < 2) log.warn(line, 'batch abandoned');
  else log.error(line, 'batch abandoned again');
}
