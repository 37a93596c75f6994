import type { State } from '../../../shared/model/batch-states.ts';
import { BATCH_TONES } from '../../../shared/model/tone.ts';
import { badge } from '../ui/badge.ts';
import type { Html } from '../ui/html.ts';

export const batchBadge = (state: State): Html => badge(BATCH_TONES[state], state);

/** What a check found right after the batch. */
export function consistencyBadge(isConsistent: boolean | null): Html {
  if (isConsistent === null) return badge('off', 'unknown');
  return isConsistent ? badge('good', 'equal') : badge('bad', 'differs');
}
