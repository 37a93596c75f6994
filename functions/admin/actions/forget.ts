import { formatNumber } from '../ui/format.ts';
import type { Action } from './action.ts';

/** Removes a view source with its history. */
export const FORGET: Action = {
  path: 'forget',
  title: 'Forget',
  about: 'Stops replicating the view, and removes what is remembered of it.',
  button: 'Forget the view',
  isTyped: true,
  runsIn: 'admin',
  input: [],
  payload: ({ source }) => ({ view: source.name, forget: true, confirm: source.name }),
  async preview({ source, dependencies }) {
    const { target, batches, failures, queuedKeys, checks } = await dependencies.control.forgetting.history(
      source.name,
    );
    return {
      sentences: [
        'The view source is removed with its checkpoint, batches, failures, queued keys and checks.',
        `The table ${target} in BigQuery, its reporting view and the staged objects stay. The audit stays, too.`,
      ],
      counts: [
        ['Batches', formatNumber(batches)],
        ['Failures', formatNumber(failures)],
        ['Queued keys', formatNumber(queuedKeys)],
        ['Checks', formatNumber(checks)],
      ],
    };
  },
  done: (view) => `${view} is forgotten. Its tables in BigQuery stay.`,
  effect: () => '/',
};
