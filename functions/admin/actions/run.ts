import { stopReason } from '../../../shared/model/view-source.ts';
import type { Forecast } from '../../../shared/operations/dry-run.ts';
import { formatNumber } from '../ui/format.ts';
import type { Action, Preview } from './action.ts';

/** Extracts a batch now. */
export const RUN: Action = {
  path: 'run',
  title: 'Run now',
  about: 'Asks for a batch at once, instead of at the next tick.',
  button: 'Run now',
  runsIn: 'admin',
  input: [],
  payload: ({ source }) => ({ view: source.name, run: true }),
  async preview({ source, dependencies }) {
    const stopped = stopReason(source);
    if (stopped !== null) return { sentences: [], refused: `The view is ${stopped}.` };
    const { dryRun } = await import('../../../shared/operations/dry-run.ts');
    const [forecast] = (await dryRun({ view: source.name }, dependencies)).views;
    return forecast === undefined ? { sentences: [] } : previewOf(forecast);
  },
  done: (view, { outcome, reason }) =>
    outcome === 'skipped'
      ? `Nothing was done with ${view}: it is ${reason}.`
      : `A batch of ${view} is requested. It appears here when it has begun.`,
};

const COUNTS = {
  logRows: 'New log rows',
  upserts: 'Rows to write',
  deletes: 'Rows to delete',
  queuedKeys: 'Queued keys',
  badKeys: 'Log rows without a valid key',
} as const;

function previewOf({ would, advice, lastError, ...found }: Forecast): Preview {
  if (would.startsWith('do nothing')) {
    return { sentences: [], refused: `Extract would ${would}.${advice === undefined ? '' : ` ${advice}`}` };
  }
  const last = lastError === undefined ? [] : [`The last attempt failed: ${lastError}`];
  if (would.startsWith('fail')) {
    const error = { message: `Extract would ${would}`, advice: advice ?? '' };
    return { sentences: last, unknown: { error, isNeeded: false } };
  }
  return {
    sentences: [`Extract would ${would}.`, ...(advice === undefined ? [] : [advice]), ...last],
    counts: Object.entries(COUNTS).flatMap(([field, name]) => {
      const count = found[field as keyof typeof COUNTS];
      return count === undefined ? [] : [[name, formatNumber(count)] as const];
    }),
  };
}
