import { batchSize } from '../../shared/batch/batch-size.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { drawMarker } from '../../shared/source/change-log.ts';
import type { Extraction, LeasedView } from './extraction.ts';

/**
 * Step 1: reads where the last applied batch of the view ended, and the queued keys that are due; draws a marker for horizons past the
 * grace period. A view without a checkpoint, or with a requested resync, is extracted as a whole.
 */
export async function start(
  leased: LeasedView,
  { clock, config, control, source }: Dependencies,
): Promise<Extraction> {
  const startedMs = clock.nowMs();
  const { name, resyncRequestedAt } = leased.source;
  const stored = resyncRequestedAt === null ? await control.checkpoints.read(name) : null;
  const size = batchSize(stored, config);
  if (stored === null) {
    const queued = { ids: [], keys: [], kind: null };
    return { ...leased, startedMs, stored, checkpoint: null, queued, size };
  }
  const [queued, checkpoint] = await Promise.all([
    control.queuedKeys.due(name, size.maxLogRows),
    drawMarker(source, stored.checkpoint, config.graceSeconds),
  ]);
  return { ...leased, startedMs, stored, checkpoint, queued, size };
}
