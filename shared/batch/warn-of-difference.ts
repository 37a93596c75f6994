import type { Applied } from '../control/batch-transitions.ts';
import type { EtlTransaction } from '../model/batch.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** Warns when the view and the target have different numbers of rows after a batch in whose snapshot the view was counted. */
export function warnOfDifference(
  { id, view }: Pick<EtlTransaction, 'id' | 'view'>,
  { sourceRows, targetRows }: Pick<Applied, 'sourceRows' | 'targetRows'>,
  { log }: Pick<Dependencies, 'log'>,
): void {
  if (sourceRows === null || targetRows === null || sourceRows === targetRows) return;
  const difference = { source: String(sourceRows), target: String(targetRows), etlTransactionId: String(id) };
  log.warn({ view, ...difference }, 'rows differ');
}
