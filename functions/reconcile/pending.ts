import { DataHubError } from '../../shared/errors.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { findPendingKeys } from '../../shared/source/pending-keys.ts';
import type { HeldMoment } from './moment.ts';

type Known = Pick<HeldMoment, 'client' | 'moment' | 'queuedKeys'>;

/**
 * Finds, in the snapshot of `client`, the keys that the target need not show at the moment, and returns their number (`pendingAmong` tells which they
 * are), or null if they are more than a batch takes, so that any key may be one of them. The snapshot may be any that was opened at the moment or later.
 */
export async function tryFindPending(
  { client, moment, queuedKeys }: Known,
  view: SourceView,
  { config }: Dependencies,
): Promise<number | null> {
  const { count, isCut } = await findPendingKeys(client, view, moment.checkpoint, {
    logTable: config.changeLogTable,
    maxLogRows: config.maxBatchLogRows,
    queuedKeys,
  });
  return isCut || queuedKeys.length > config.maxBatchLogRows ? null : count;
}

/** The same, but throws `transient` if they are more than a batch takes. */
export async function findPending(
  known: Known,
  view: SourceView,
  dependencies: Dependencies,
): Promise<number> {
  const count = await tryFindPending(known, view, dependencies);
  if (count === null) throw tooFarBehind(view.name);
  return count;
}

export const tooFarBehind = (view: string): DataHubError =>
  new DataHubError('transient', `view ${view} is too far behind to be compared`, {
    context: { view },
    advice: 'Nothing to do: it is compared as soon as it has caught up.',
  });
