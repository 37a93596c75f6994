import { DataHubError } from '../errors.ts';
import type { EtlTransaction } from '../model/batch.ts';
import type { ViewSource } from '../model/view-source.ts';

/** A complete batch may delete this many rows without regard to their share. It never may delete all rows. */
const ALWAYS_ALLOWED_ROWS = 100n;

/** How many rows the target has, without deleted ones, and how many of them the batch would delete. */
export type DeleteCounts = { rows: bigint; deletes: bigint };

/** Whether a complete batch would delete so many rows that only an operator may let it pass. */
export function exceedsDeleteLimit({ rows, deletes }: DeleteCounts, maxDeletedShare: number): boolean {
  if (deletes === 0n) return false;
  if (deletes >= rows) return true;
  return deletes > ALWAYS_ALLOWED_ROWS && Number(deletes) > maxDeletedShare * Number(rows);
}

/** Throws `configuration` for a complete batch that exceeds the limit, unless an operator accepts its deletes. */
export function assertWithinDeleteLimit(
  batch: Pick<EtlTransaction, 'id' | 'view' | 'acceptsDeletes'>,
  { maxDeletedShare }: Pick<ViewSource, 'maxDeletedShare'>,
  counts: DeleteCounts,
): void {
  if (batch.acceptsDeletes || !exceedsDeleteLimit(counts, maxDeletedShare)) return;
  const { rows, deletes } = counts;
  const what =
    deletes >= rows
      ? `all ${rows} rows of its target`
      : `${deletes} of the ${rows} rows of its target, more than the share of ${maxDeletedShare} in max_deleted_share`;
  throw new DataHubError('configuration', `view ${batch.view}: batch ${batch.id} would delete ${what}`, {
    context: { view: batch.view, etlTransactionId: batch.id },
    advice: acceptDeletesAdvice(batch.view),
  });
}

/** What an operator can do about a complete batch that would delete too many rows. */
export function acceptDeletesAdvice(view: string): string {
  const accept = JSON.stringify({ view, resync: true, acceptDeletes: true });
  const retry = JSON.stringify({ view, redrive: true });
  return `Check which rows the source role sees in the view. If the others are really gone, send ${accept}. If not, correct the view, then send ${retry}.`;
}
