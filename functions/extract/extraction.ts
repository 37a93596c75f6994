import type { BatchExtent, BatchSize } from '../../shared/batch/batch-size.ts';
import type { StoredCheckpoint } from '../../shared/control/checkpoints.ts';
import type { Lease } from '../../shared/control/leases.ts';
import type { QueuedKeys } from '../../shared/control/queued-keys.ts';
import type { Deadline } from '../../shared/deadline.ts';
import type { Checkpoint } from '../../shared/model/checkpoint.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Capture } from '../../shared/source/capture.ts';

/** The view that one call extracts, under its lease. */
export type LeasedView = { source: ViewSource; trigger: string; lease: Lease; deadline: Deadline };

/** One run of extract over a view: what its five steps share. */
export type Extraction = LeasedView & {
  startedMs: number;
  /** Null for a whole view: what earlier batches covered does not matter then. */
  stored: StoredCheckpoint | null;
  /** The stored checkpoint with the markers that were drawn since; null for a whole view. */
  checkpoint: Checkpoint | null;
  queued: QueuedKeys;
  size: BatchSize;
};

/** How many log rows or queued keys the batch has. A batch that did not read the log to its end counts as full. */
export function batchFill({ queued, size }: Extraction, { cutId, logRows }: Capture): number {
  return cutId === null ? Math.max(Number(logRows), queued.keys.length) : size.maxLogRows;
}

export function extentOf({ lease, stored }: Extraction, rows: number): BatchExtent {
  return { lease, stored, rows };
}
