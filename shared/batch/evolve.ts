import type { StoredCheckpoint } from '../control/checkpoints.ts';
import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Evolution } from '../warehouse/warehouse.ts';

/** Throws `schema_drift` for differences that only a person can settle, or that the view source does not allow. */
export function assertMayEvolve(source: ViewSource, { differences, refused, newTarget }: Evolution): void {
  const isStreamed = source.loadType === 'bq-storage-api';
  const isFrozen = source.columnChanges === 'freeze' || (isStreamed && newTarget.length === 0);
  const found = isFrozen ? differences : refused;
  if (found.length === 0) return;
  const view = source.name;
  const resync = `{"view":"${view}","resync":true}`;
  throw new DataHubError('schema_drift', `view ${view}: ${found.join('; ')}`, {
    context: { view },
    advice: isFrozen
      ? `Give the view its former columns, and the view source its former layout, and resume it. Or import the view source with "column_changes": "evolve", and send ${resync}.`
      : "Give the view's columns their former types, for example by casts, and resume it.",
  });
}

/**
 * Whether rows that the log does not name would be wrong: they have no value in an added column or a new target, or still have one in a dropped column. The
 * first batch after a replaced view carries all rows, so this is so only where the definition of the view was not recorded, or somebody
 * changed the target.
 */
export function needsWholeView(
  stored: StoredCheckpoint | null,
  { added, dropped, newTarget }: Evolution,
): boolean {
  if (stored === null) return false;
  return newTarget.length > 0 || added.length > 0 || (dropped.length > 0 && stored.definition === null);
}
