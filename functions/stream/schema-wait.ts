import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { FoundTable } from '../../shared/warehouse/found-table.ts';
import { isColumnNotKnown } from '../../shared/warehouse/schema-not-known.ts';

/**
 * "The Storage Write API detects schema changes after a short time, on the order of minutes":
 * https://cloud.google.com/bigquery/docs/write-api-best-practices#handle_schema_updates
 */
const MAX_WAIT_MS = 3_600_000;

/**
 * Returns the error to throw when appending the rows of a batch has failed: `warehouse`, which halts the view, when the Write API does not
 * know the columns of the target an hour after the batch began, and thus after they were added. Any other error is returned as it is.
 */
export function limitColumnWait(error: unknown, { view, startedAt }: EtlTransaction, nowMs: number): unknown {
  if (!isColumnNotKnown(error) || nowMs - startedAt.getTime() < MAX_WAIT_MS) return error;
  return new DataHubError('warehouse', `${error.message}; it has not known them for an hour`, {
    context: error.context,
    advice: `Send {"view":"${view}","redrive":true}: the rows are captured again and wait for another hour. If the Storage Write API still refuses them, ask Google's support why.`,
    cause: error,
  });
}

/**
 * Whether the target was made within the last hour in the place of a table that the view fed before. "Modifications to
 * the underlying table metadata" reach the streaming system within minutes, and recreating a table can deliver rows to the old one until then:
 * https://cloud.google.com/bigquery/docs/write-api-rest
 */
export async function isReplacement(
  view: string,
  { createdAt }: Pick<FoundTable, 'createdAt'>,
  { clock, control }: Pick<Dependencies, 'clock' | 'control'>,
): Promise<boolean> {
  const createdMs = Number(createdAt);
  if (clock.nowMs() - createdMs >= MAX_WAIT_MS) return false;
  return await control.batches.wasAppliedBefore(view, new Date(createdMs));
}
