import { applyMerge, hasBegunMerge } from '../../functions/merge/apply-merge.ts';
import { applyStream, hasBegunStream } from '../../functions/stream/apply-stream.ts';
import type { Applier } from '../../shared/batch/apply-batch.ts';

// What the functions of the same name apply batches with.
export const MERGE: Applier = { loadType: 'merge', hasBegun: hasBegunMerge, apply: applyMerge };
export const STREAM: Applier = { loadType: 'bq-storage-api', hasBegun: hasBegunStream, apply: applyStream };
