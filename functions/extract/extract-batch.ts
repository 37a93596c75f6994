import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Capture } from '../../shared/source/capture.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { type Captured, captureChanges, type Replaced, type Unlogged } from './capture.ts';
import type { LeasedView } from './extraction.ts';
import { type BatchResult, finishIdle, goOnLater, handOver } from './hand-over.ts';
import { handleUnlogged } from './handle-unlogged.ts';
import { hasKnownColumns, prepare } from './prepare.ts';
import { handleReplaced } from './replaced-view.ts';
import { type StagedBatch, stage, type UnfinishedBatch } from './stage.ts';
import { start } from './start.ts';

/** Extracts one batch of a leased view in five steps. Steps 2 to 4 read one snapshot of the source. */
export async function extractBatch(leased: LeasedView, dependencies: Dependencies): Promise<BatchResult> {
  const extraction = await start(leased, dependencies);
  const found = await inSnapshot(
    dependencies.source,
    async (client): Promise<Captured | Replaced | Unlogged | StagedBatch | UnfinishedBatch> => {
      const capture = await captureChanges(client, extraction, dependencies);
      if ('replacedBy' in capture || 'unlogged' in capture) return capture;
      const isIdle = extraction.checkpoint !== null && hasNothingToDo(capture.captured);
      const { source } = extraction;
      if (isIdle && !mustLookAtTarget(source, dependencies)) return capture;
      const preparation = await prepare(client, extraction, capture.view, dependencies);
      if (preparation === 'needs the whole view') return { replacedBy: capture.definition };
      if (isIdle) {
        await dependencies.control.targetChecks.note(leased.lease);
        return capture;
      }
      return await stage(client, extraction, { ...capture, ...preparation }, dependencies);
    },
  );
  if ('replacedBy' in found) return await handleReplaced(extraction, found.replacedBy, dependencies);
  if ('unlogged' in found) return await handleUnlogged(extraction, found.unlogged, dependencies);
  if ('unfinished' in found) return await goOnLater(found.unfinished, dependencies);
  return 'batch' in found
    ? await handOver(found, extraction, dependencies)
    : await finishIdle(found, extraction, dependencies);
}

/** How often a view without changes looks at its tables, which somebody else may have changed. */
const TARGET_CHECK_MS = 3_600_000;

/** Whether a view that has nothing to do must look at its tables in BigQuery. */
function mustLookAtTarget(source: ViewSource, { clock }: Dependencies): boolean {
  if (source.warehouseFingerprint === null || !hasKnownColumns(source)) return true;
  return clock.nowMs() - (source.targetCheckedAt?.getTime() ?? 0) >= TARGET_CHECK_MS;
}

const hasNothingToDo = ({ upserts, deletes }: Capture): boolean => upserts + deletes === 0n;
