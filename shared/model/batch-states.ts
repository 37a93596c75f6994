export type State = 'extracting' | 'staged' | 'applying' | 'applied' | 'abandoned' | 'failed';

/** The states to which an ETL transaction may go from each state (docs/architecture.md#states). Every change is a compare-and-set. */
export const NEXT: Record<State, readonly State[]> = {
  extracting: ['staged', 'abandoned', 'failed'],
  staged: ['applying', 'abandoned', 'failed'],
  applying: ['applied', 'staged', 'failed'],
  applied: [],
  abandoned: [],
  failed: ['abandoned'],
};

/** The states in which a batch holds its view. */
export const IN_FLIGHT: readonly State[] = ['extracting', 'staged', 'applying'];

/** Throws a RangeError for a change that the table does not contain: a bug, not a race. */
export function assertTransition(from: State, to: State): void {
  if (!NEXT[from].includes(to)) throw new RangeError(`an ETL transaction cannot go from ${from} to ${to}`);
}
