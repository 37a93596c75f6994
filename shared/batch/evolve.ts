import type { StoredCheckpoint } from '../control/checkpoints.ts';
import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Evolution } from '../warehouse/evolution.ts';
import { describeChanges, type TableChanges } from '../warehouse/evolution.ts';

/** Throws `schema_drift` for differences that only a person can settle, or that the view source does not allow. */
export function assertMayEvolve(source: ViewSource, evolution: Evolution): void {
  const { differences, refused } = evolution;
  const isFrozen = source.columnChanges === 'freeze';
  const found = isFrozen ? differences : refused;
  if (found.length === 0) return;
  const view = source.name;
  const resync = `{"view":"${view}","resync":true}`;
  throw new DataHubError('schema_drift', `view ${view}: ${found.join('; ')}`, {
    context: { view },
    advice:
      isFrozen && evolution.otherTable === null
        ? `Give the view its former columns, and the view source its former layout, and resume it. Or import the view source with "column_changes": "evolve", and send ${resync}.`
        : refusalAdvice(source, evolution),
  });
}

function refusalAdvice(
  { knownColumns, loadType }: ViewSource,
  { otherTable, refused, removals }: Evolution,
): string {
  if (otherTable !== null) {
    return knownColumns.length === 0
      ? `${otherTable.name} exists already, and SMart DataHub did not make it. Import the view with another target_name, and resume it.`
      : `Somebody put another table in the place of the target. ${loadType === 'merge' ? 'Restore it from its time travel window, and resume the view. Or run' : 'Run'}: ${otherTable.removal} and resync the view.`;
  }
  if (removals.length > 0 && removals.length === refused.length) {
    return `Somebody added columns, or the table had them before it was the target of the view. If nobody needs them, run: ${removals.join(' ')} Then resume the view.`;
  }
  return "Give the view's columns their former names and types, for example by aliases and casts, and resume it.";
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

/**
 * The columns of the target that have no values in old rows, until a batch with the whole view is applied: those that are added now, or were by an
 * attempt that was not applied, and those that the view does not have, which may come back.
 */
export function unfilledColumns(
  { unfilledColumns: before }: Pick<ViewSource, 'unfilledColumns'>,
  stored: StoredCheckpoint | null,
  { added, dropped }: Evolution,
): string[] {
  const now = [...added, ...dropped].map(({ name }) => name);
  // Otherwise the rows of the target are those of the view as it is now.
  return stored === null ? [...new Set([...before, ...now])] : now;
}

/**
 * Throws `schema_drift` for a target that cannot take the rows of a batch. A column that only the target has, because the batch was staged
 * before the column was added or after it was dropped, is NULL in the rows of the batch.
 */
export function assertTakesBatch(view: string, changed: readonly TableChanges[]): void {
  const found = describeChanges(
    changed.map((table) => ({
      ...table,
      changes: table.changes.filter(({ change }) => change !== 'dropped'),
    })),
  );
  if (found.length === 0) return;
  throw new DataHubError('schema_drift', `view ${view}: ${found.join('; ')}`, {
    context: { view },
    advice: `Send {"view":"${view}","redrive":true}: the rows are captured again, and the target gets the columns that it lacks, or the view says what else is wrong with it.`,
  });
}
