import type { Deadline } from '../deadline.ts';
import { changedBySomebody } from '../model/target-snapshot.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { FoundTable } from '../warehouse/found-table.ts';
import { snapshotOf } from '../warehouse/target-snapshot.ts';

/**
 * Whether a merged target has the rows that its batches counted, although the number of rows in its metadata is not that of the snapshot:
 * BigQuery does not promise that this number is right at once. A query counts the rows that are not deleted, and is billed once a day for each
 * pair of numbers, whoever asks. False for another table, and where the batches have no count. Throws `transient` when the job outlives the deadline.
 */
export async function hasCountedRows(
  { name: view, targetName, loadType, targetSnapshot }: ViewSource,
  target: FoundTable,
  deadline: Deadline,
  { clock, control, warehouse }: Pick<Dependencies, 'clock' | 'control' | 'warehouse'>,
): Promise<boolean> {
  if (targetSnapshot === null) return false;
  const isOtherTable = changedBySomebody({ ...targetSnapshot, rows: null }, snapshotOf(target, loadType));
  if (isOtherTable !== null || !target.fields.some(({ name }) => name === 'is_deleted')) return false;
  const counted = await control.rowCounts.afterLastBatch(view);
  if (counted === null) return false;
  const day = new Date(clock.nowMs()).toISOString().slice(0, 10);
  const runName = [counted.etlTransactionId, targetSnapshot.rows, target.rows, day].join('-');
  const rows = await warehouse.countRows({ view, target: targetName, runName }, deadline);
  return rows === counted.targetRows;
}
