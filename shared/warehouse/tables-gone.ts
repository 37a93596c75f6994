import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';

/** The error for a target that does not exist any more although rows were loaded into it. BigQuery copies no streamed table from its past. */
export function targetGone({ name: view, loadType }: Pick<ViewSource, 'name' | 'loadType'>): DataHubError {
  const advice =
    loadType === 'merge'
      ? 'Restore the table from its time travel window, then resume the view. Or resync the view.'
      : 'Resync the view: its target is made again and loaded.';
  return new DataHubError(
    'configuration',
    `the target of view ${view} is gone, and with it the loaded rows`,
    {
      context: { view },
      advice,
    },
  );
}

/** What an operator can do when the ledger, or its rows of a loaded view, are gone. */
export const LEDGER_ADVICE =
  'Restore the ledger from its time travel window, then resume the view. Or resync every merged view.';

/** The error for a ledger that does not exist any more although it lists merged batches: without it, a late batch could undo a newer one. */
export function ledgerGone(view: string): DataHubError {
  return new DataHubError(
    'configuration',
    `view ${view} was merged before, but the ledger of merged batches is gone`,
    { context: { view }, advice: LEDGER_ADVICE },
  );
}
