import { formatBytes } from '../ui/format.ts';
import type { Action } from './action.ts';

/** Lets a view go on above its budget. */
export const ACCEPT_COST: Action = {
  path: 'accept-cost',
  title: 'Accept the cost',
  about: 'Lets the view go on above its budget until the next UTC day.',
  button: 'Accept the cost',
  runsIn: 'admin',
  input: [],
  payload: ({ source }) => ({ view: source.name, acceptCost: true }),
  async preview({ status: { dailyBudgetBytes, cost, state }, dependencies }) {
    if (dailyBudgetBytes === null) return { sentences: [], refused: 'The view has no budget.' };
    const today = new Date(dependencies.clock.nowMs()).toISOString().slice(0, 10);
    const billed = cost.find(({ day }) => day === today)?.bytesBilled ?? '0';
    return {
      sentences: [
        state === 'over budget'
          ? 'The view waits for the next UTC day. It goes on at once instead, whatever BigQuery bills today.'
          : 'The view is not over its budget. It will not stop when it is, until the next UTC day.',
      ],
      counts: [
        ['Budget of a day', formatBytes(dailyBudgetBytes)],
        ['Billed today (UTC)', formatBytes(billed)],
      ],
    };
  },
  done: (view) => `${view} goes on above its budget until the next UTC day, and a batch is requested.`,
};
