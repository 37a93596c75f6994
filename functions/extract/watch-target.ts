import { hasCountedRows } from '../../shared/batch/has-counted-rows.ts';
import { changedBySomebody } from '../../shared/model/target-snapshot.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { FoundTable } from '../../shared/warehouse/found-table.ts';
import { snapshotOf } from '../../shared/warehouse/target-snapshot.ts';
import type { Extraction } from './extraction.ts';

/** Records what somebody else did to a loaded target, which only a resync repairs, and warns when BigQuery will remove rows of it. */
export async function watchTarget(
  { source, lease, deadline }: Extraction,
  target: FoundTable,
  dependencies: Dependencies,
): Promise<void> {
  const { control, log } = dependencies;
  const view = source.name;
  if (target.expiry !== null) {
    log.warn({ view, reason: target.expiry.fault, remedy: target.expiry.remedy }, 'target expires');
  }
  const before = source.targetSnapshot;
  const reason = changedBySomebody(before, snapshotOf(target, source.loadType));
  if (before === null || reason === null || reason === source.resyncAdvice) return;
  if (await hasCountedRows(source, target, deadline, dependencies)) {
    await control.targetChecks.setSnapshot(lease, { ...before, rows: target.rows });
    return;
  }
  await control.checkpoints.adviseResync(lease, reason);
  log.warn({ view, reason }, 'resync advised');
}
