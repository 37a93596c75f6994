import { applying } from '../../shared/batch/apply-batch.ts';
import { handle } from '../../shared/runtime/handle.ts';
import { applyMerge, hasBegunMerge } from './apply-merge.ts';

/** The function `merge`: applies the batch that its event names by the merge procedure. */
export const merge = handle(
  'merge',
  applying({ loadType: 'merge', hasBegun: hasBegunMerge, apply: applyMerge }),
);
