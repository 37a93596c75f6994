import type { TableShape } from '../../shared/model/columns.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Comparison } from '../../shared/warehouse/compare-tables.ts';
import type { Evolution } from '../../shared/warehouse/evolution.ts';
import type { PolicyTags } from '../../shared/warehouse/policy-tags.ts';
import { retagged } from '../../shared/warehouse/policy-tags.ts';
import type { Extraction } from './extraction.ts';

/** Whether the target needs none of the work of this file. */
export function isArranged(source: ViewSource, { target }: Comparison, evolution: Evolution): boolean {
  return (
    evolution.newTarget.length === 0 &&
    evolution.clustering === null &&
    source.rewriteId === null &&
    retagged(target?.fields ?? [], tagsOf(source)) === null
  );
}

/** Puts a new table in the place of the target, whose rows it gets until the batch with the whole view is applied. */
export async function replaceTarget(
  { source, lease, deadline }: Extraction,
  shape: TableShape,
  { newTarget, dropped }: Evolution,
  { control, log, warehouse }: Dependencies,
): Promise<void> {
  const details = { reasons: newTarget };
  log.warn({ view: source.name, ...details }, 'new target');
  await control.schemaChanges.record(lease, { kind: 'columns', action: 'new target', details });
  const wanted = { shape, layout: source, tags: tagsOf(source), dropped };
  await warehouse.replaceTarget(wanted, deadline);
  // Its rows follow the clustering from the beginning.
  if (source.rewriteId !== null) await control.schemaChanges.endRewrite(lease);
}

/**
 * Gives an existing target its policy tags and its clustering. The rows follow a new clustering by one job, whose name is recorded before the
 * table changes, so that it runs once, whatever fails.
 */
export async function arrangeTarget(
  { source, lease, deadline }: Extraction,
  shape: TableShape,
  { clustering, newTarget }: Evolution,
  { control, log, warehouse }: Dependencies,
): Promise<void> {
  const tags = tagsOf(source);
  const hasTags = Object.keys(tags.wanted).length + Object.keys(tags.applied).length > 0;
  if (hasTags) await warehouse.setPolicyTags(shape, tags);
  let rewriteId = newTarget.length > 0 ? null : source.rewriteId;
  if (clustering !== null) {
    log.warn({ view: source.name, clustering }, 'clustering changed');
    rewriteId = await control.schemaChanges.requestRewrite(lease, { clustering });
    await warehouse.setClustering(shape, clustering);
  }
  if (rewriteId === null) return;
  await warehouse.rewriteRows(shape, rewriteId, deadline);
  await control.schemaChanges.endRewrite(lease);
}

const tagsOf = ({ policyTags, appliedPolicyTags }: ViewSource): PolicyTags => ({
  wanted: policyTags,
  applied: appliedPolicyTags,
});
