import { unfilledColumns } from '../../shared/batch/evolve.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { Comparison } from '../../shared/warehouse/compare-tables.ts';
import type { Evolution } from '../../shared/warehouse/evolution.ts';
import type { UnfitSetting } from '../../shared/warehouse/unfit-settings.ts';
import type { MadeTables } from '../../shared/warehouse/view-objects.ts';
import { arrangeTarget, replaceTarget } from './change-target.ts';
import type { Extraction } from './extraction.ts';
import { labelTarget } from './label-target.ts';
import { makeReportingView } from './make-reporting-view.ts';

/** How the tables are, what must happen to them, and the fingerprint of the view's objects afterwards. */
type Plan = { comparison: Comparison; evolution: Evolution; fingerprint: string };

/**
 * Creates the view's BigQuery objects and lets the existing ones follow the plan. Returns what the tables contain, and raises the
 * generator of batch ids above the highest that it has. Safe to repeat: whatever fails, the next extract plans anew. Throws `configuration` for
 * settings of the tables that a load cannot live with.
 */
export async function makeTables(
  extraction: Extraction,
  { shape }: SourceView,
  { comparison, evolution, fingerprint }: Plan,
  dependencies: Dependencies,
): Promise<MadeTables> {
  const { source, stored, lease, deadline } = extraction;
  const { control, warehouse } = dependencies;
  const layout = source;
  assertFit(source.name, await warehouse.unfitSettings({ shape, layout }, evolution));
  if (comparison.target !== null) await labelTarget(extraction, comparison.target, dependencies);
  // From here on there is a target without the covered rows, whatever happens to this batch.
  const isNew = comparison.missing.includes('target') || evolution.newTarget.length > 0;
  if (isNew) await control.checkpoints.forget(lease);
  if (evolution.newTarget.length > 0) await replaceTarget(extraction, shape, evolution, dependencies);
  const unfilled = unfilledColumns(source, stored, evolution);
  const hidden = shape.columns.filter(({ name }) => unfilled.includes(name));
  const record = (fingerprintMade: string | null, policyTags: ViewSource['policyTags']) =>
    control.viewSources.setWarehouseFingerprint(lease, fingerprintMade, {
      columns: shape.columns.map(({ name }) => name),
      unfilled,
      policyTags,
    });
  // Recorded first: a later attempt finds the columns in the target. The next extract after this batch is applied shows them.
  if (hidden.length > 0) await record(null, source.appliedPolicyTags);
  const objects = { shape, layout, evolution };
  const made = await warehouse.makeObjects(objects, lease.token, deadline);
  await makeReportingView(extraction, shape, hidden, dependencies);
  await arrangeTarget(extraction, shape, evolution, dependencies);
  if (comparison.target === null) await warehouse.setInstallation(source, await control.installation.id());
  await control.batchIds.raise(made.highestBatchId);
  if (hidden.length === 0) await record(fingerprint, source.policyTags);
  if (source.warehouseFingerprint !== fingerprint)
    await recordDifferences(extraction, evolution, dependencies);
  return made;
}

/** A new target is recorded when it is made. */
async function recordDifferences(
  { source, lease }: Extraction,
  { differences, newTarget }: Evolution,
  { control, log }: Dependencies,
): Promise<void> {
  if (differences.length === 0 || newTarget.length > 0) return;
  const details = { differences };
  log.warn({ view: source.name, ...details }, 'columns changed');
  await control.schemaChanges.record(lease, { kind: 'columns', action: 'evolved', details });
}

function assertFit(view: string, settings: readonly UnfitSetting[]): void {
  const [first] = settings.filter(({ isFatal }) => isFatal);
  if (first === undefined) return;
  const { message, advice } = first;
  throw new DataHubError('configuration', `view ${view}: ${message}`, { context: { view }, advice });
}
