import { purge } from '../../../shared/operations/purge.ts';
import { formatNumber, showTime } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import type { Action } from './action.ts';
import { tryPreview } from './try-preview.ts';

/** Removes rows for good that are marked as deleted. */
export const PURGE: Action = {
  path: 'purge',
  title: 'Purge',
  about: 'Removes rows from the target that are marked as deleted, such as data of a person.',
  button: 'Remove these rows',
  isTyped: true,
  runsIn: 'extract',
  input: [{ name: 'before', label: 'Deleted before', kind: 'time', isRequired: true }],
  payload: ({ source }, { before }) => ({
    view: source.name,
    purgeDeletedBefore: before,
    confirm: source.name,
  }),
  async preview({ source, dependencies }, { before = '' }) {
    const asked = { view: source.name, before: new Date(before), confirmation: undefined };
    const { found, instead } = await tryPreview(() => purge(asked, dependencies), { isNeeded: true });
    if (found === null) return { sentences: [], ...instead };
    if (found.outcome === 'nothing to purge')
      return { sentences: [], refused: found.advice ?? found.outcome };
    return {
      sentences: [
        html`Rows of ${source.targetName} that are marked as deleted since before ${showTime(before)} are removed for good. Nobody can bring them back.`,
        'BigQuery keeps them for its time travel and fail-safe periods.',
      ],
      counts: [['Rows', formatNumber(found.rows)]],
    };
  },
  done: (view) =>
    `Extract is asked to remove the rows of ${view}. This entry of the audit shows when it is done.`,
  effect: (_, entry) => entry,
};
