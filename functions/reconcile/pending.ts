import type pg from 'pg';
import { DataHubError } from '../../shared/errors.ts';
import type { Moment } from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { findPendingKeys } from '../../shared/source/compare-rows.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';

/**
 * Finds, in the snapshot of `client`, the keys that the target need not show yet, and returns their number (`pendingAmong` tells which they are).
 * Throws `transient` if they are more than a batch takes.
 */
export async function findPending(
  client: pg.ClientBase,
  view: SourceView,
  { checkpoint }: Moment,
  { config, control }: Dependencies,
): Promise<number> {
  const queuedKeys = await control.queuedKeys.all(view.name, config.maxBatchLogRows);
  const { count, isCut } = await findPendingKeys(client, view, checkpoint, {
    logTable: config.changeLogTable,
    maxLogRows: config.maxBatchLogRows,
    queuedKeys,
  });
  if (!isCut) return count;
  throw new DataHubError('transient', `view ${view.name} is too far behind to be compared`, {
    context: { view: view.name },
    advice: 'Nothing to do: it is compared as soon as it has caught up.',
  });
}
