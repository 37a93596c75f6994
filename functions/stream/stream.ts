import { applying } from '../../shared/batch/apply-batch.ts';
import { handle } from '../../shared/runtime/handle.ts';
import { applyStream, hasBegunStream } from './apply-stream.ts';

/** The function `stream`: applies the batch that its event names through the Storage Write API. */
export const stream = handle(
  'stream',
  applying({ loadType: 'bq-storage-api', hasBegun: hasBegunStream, apply: applyStream }),
);
