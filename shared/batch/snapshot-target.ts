import type { Dependencies } from '../runtime/dependencies.ts';
import type { LeasedBatch } from './apply-batch.ts';

/** Records what a batch has left, by which the next extract notices what somebody else does to the target. */
export async function snapshotTarget(
  { source, lease }: Pick<LeasedBatch, 'source' | 'lease'>,
  { control, warehouse }: Pick<Dependencies, 'control' | 'warehouse'>,
): Promise<void> {
  await control.targetChecks.setSnapshot(lease, await warehouse.snapshotTarget(source));
}
