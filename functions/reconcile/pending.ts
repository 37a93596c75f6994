import { DataHubError } from '../../shared/errors.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { findPendingKeys } from '../../shared/source/compare-rows.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { HeldMoment } from './moment.ts';

/**
 * Finds, in the snapshot of the moment, the keys that the target need not show yet, and returns their number (`pendingAmong` tells which they are).
 * Throws `transient` if they are more than a batch takes.
 */
export async function findPending(
  { client, moment, queuedKeys }: Pick<HeldMoment, 'client' | 'moment' | 'queuedKeys'>,
  view: SourceView,
  { config }: Dependencies,
): Promise<number> {
  const { count, isCut } = await findPendingKeys(client, view, moment.checkpoint, {
    logTable: config.changeLogTable,
    maxLogRows: config.maxBatchLogRows,
    queuedKeys,
  });
  if (!isCut && queuedKeys.length <= config.maxBatchLogRows) return count;
  throw new DataHubError('transient', `view ${view.name} is too far behind to be compared`, {
    context: { view: view.name },
    advice: 'Nothing to do: it is compared as soon as it has caught up.',
  });
}
