import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import { isColumnNotKnown } from '../../shared/warehouse/column-not-known.ts';

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
