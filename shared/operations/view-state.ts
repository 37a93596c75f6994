import type { ViewStatus } from '../control/status.ts';
import type { Tone } from '../model/tone.ts';

/** The state of a view in one word, and how good it is. */
export type ViewState = { word: string; tone: Tone };

const STATES: Record<Exclude<ViewStatus['state'], 'running'>, ViewState> = {
  waiting: { word: 'waiting', tone: 'busy' },
  retrying: { word: 'retrying', tone: 'warning' },
  'over budget': { word: 'over budget', tone: 'warning' },
  'not enabled': { word: 'not enabled', tone: 'off' },
  paused: { word: 'paused', tone: 'off' },
  halted: { word: 'halted', tone: 'bad' },
};

/** A running view is behind after as many seconds as the log warns after. */
export function viewState(
  { state, behindSeconds, lastApplied }: Pick<ViewStatus, 'state' | 'behindSeconds' | 'lastApplied'>,
  lagWarningSeconds: number,
): ViewState {
  if (state !== 'running') return STATES[state];
  if (behindSeconds > lagWarningSeconds) return { word: 'behind', tone: 'warning' };
  return lastApplied === null ? { word: 'loading', tone: 'busy' } : { word: 'ok', tone: 'good' };
}
