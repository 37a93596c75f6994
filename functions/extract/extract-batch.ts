import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Capture } from '../../shared/source/capture.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { type Captured, captureChanges, type Replaced } from './capture.ts';
import type { LeasedView } from './extraction.ts';
import { type BatchResult, finishIdle, handOver } from './hand-over.ts';
import { hasKnownColumns, prepare } from './prepare.ts';
import { handleReplaced } from './replaced-view.ts';
import { type StagedBatch, stage } from './stage.ts';
import { start } from './start.ts';

/** Extracts one batch of a leased view in five steps. Steps 2 to 4 read one snapshot of the source. */
export async function extractBatch(leased: LeasedView, dependencies: Dependencies): Promise<BatchResult> {
  const extraction = await start(leased, dependencies);
  const found = await inSnapshot(
    dependencies.source,
    async (client): Promise<Captured | Replaced | StagedBatch> => {
      const capture = await captureChanges(client, extraction, dependencies);
      if ('replacedBy' in capture) return capture;
      const isIdle = extraction.checkpoint !== null && hasNothingToDo(capture.captured);
      const { source } = extraction;
      if (isIdle && source.warehouseFingerprint !== null && hasKnownColumns(source)) return capture;
      const preparation = await prepare(client, extraction, capture.view, dependencies);
      if (preparation === 'needs the whole view') return { replacedBy: capture.definition };
      if (isIdle) return capture;
      return await stage(client, extraction, { ...capture, ...preparation }, dependencies);
    },
  );
  if ('replacedBy' in found) return await handleReplaced(extraction, found.replacedBy, dependencies);
  return 'batch' in found
    ? await handOver(found, extraction, dependencies)
    : await finishIdle(found, extraction, dependencies);
}

const hasNothingToDo = ({ upserts, deletes }: Capture): boolean => upserts + deletes === 0n;
