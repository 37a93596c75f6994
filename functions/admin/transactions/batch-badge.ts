import type { State } from '../../../shared/model/batch-states.ts';
import { badge, type Tone } from '../ui/badge.ts';
import type { Html } from '../ui/html.ts';

const TONES: Record<State, Tone> = {
  extracting: 'busy',
  staged: 'busy',
  applying: 'busy',
  applied: 'good',
  abandoned: 'off',
  failed: 'bad',
};

export const batchBadge = (state: State): Html => badge(TONES[state], state);

/** What a check found right after the batch. */
export function consistencyBadge(isConsistent: boolean | null): Html {
  if (isConsistent === null) return badge('off', 'unknown');
  return isConsistent ? badge('good', 'equal') : badge('bad', 'differs');
}
