import type { EtlTransaction } from '../model/batch.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Warns when the view and the target have different numbers of rows after a batch in whose snapshot the view was counted. */
export async function warnOfDifference(
  { id, view }: Pick<EtlTransaction, 'id' | 'view'>,
  { control, log }: Dependencies,
): Promise<void> {
  const difference = await control.rowCounts.difference(view);
  if (difference?.etlTransactionId !== String(id)) return;
  log.warn({ view, ...difference }, 'rows differ');
}
