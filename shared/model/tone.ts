import type { State } from './batch-states.ts';

/** How good a state is. It decides colour and shape; a word beside them says which state it is. */
export type Tone = 'good' | 'busy' | 'warning' | 'bad' | 'off';

export const SHAPES: Record<Tone, string> = { good: '●', busy: '◐', warning: '▲', bad: '■', off: '○' };

export const BATCH_TONES: Record<State, Tone> = {
  extracting: 'busy',
  staged: 'busy',
  applying: 'busy',
  applied: 'good',
  abandoned: 'off',
  failed: 'bad',
};
