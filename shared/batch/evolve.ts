import type { StoredCheckpoint } from '../control/checkpoints.ts';
import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Evolution } from '../warehouse/warehouse.ts';

/** Throws `schema_drift` for differences that only a person can settle, or that the view source does not allow. */
export function assertMayEvolve(source: ViewSource, { differences, refused, remedies }: Evolution): void {
  const isFrozen = source.columnChanges === 'freeze' || source.loadType === 'bq-storage-api';
  const found = isFrozen ? differences : refused;
  if (found.length === 0) return;
  const view = source.name;
  const resync = `{"view":"${view}","resync":true}`;
  const byHand = remedies.length === 0 ? '' : `, or run: ${remedies.join(' ')} Then send ${resync}`;
  throw new DataHubError('schema_drift', `view ${view}: ${found.join('; ')}`, {
    context: { view },
    advice: isFrozen
      ? `Give the view its former columns, and resume it. Or give the tables the columns of the view, and send ${resync}, since old rows have no values in a new column.`
      : `Give the view's columns their former types, for example by casts, and resume it${byHand}.`,
  });
}

/**
 * Whether rows that the log does not name would be wrong: they have no value in an added column, or still have one in a dropped column. The
 * first batch after a replaced view carries all rows, so this is so only where the definition of the view was not recorded, or somebody
 * changed the target.
 */
export function needsWholeView(stored: StoredCheckpoint | null, { added, dropped }: Evolution): boolean {
  if (stored === null) return false;
  return added.length > 0 || (dropped.length > 0 && stored.definition === null);
}
