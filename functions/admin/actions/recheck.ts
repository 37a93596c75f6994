import { describeView } from '../../../shared/source/describe-view.ts';
import { findKeysLoggedSince } from '../../../shared/source/recheck.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { formatNumber, showTime } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import type { Action } from './action.ts';
import { tryPreview } from './try-preview.ts';

/** Fetches all keys again that were logged since a time. */
export const RECHECK: Action = {
  path: 'recheck',
  title: 'Recheck',
  about:
    'Fetches all rows again that the log has named since a time, if their data came later than their log rows.',
  button: 'Fetch them again',
  runsIn: 'extract',
  input: [{ name: 'since', label: 'Since', kind: 'time', isRequired: true }],
  payload: ({ source }, { since }) => ({ view: source.name, recheck: since }),
  async preview({ source, dependencies }, { since = '' }) {
    const { config, source: pool } = dependencies;
    const { found, instead } = await tryPreview(
      () =>
        inSnapshot(pool, async (client) => {
          const view = await describeView(client, source, config.contentTypeTable);
          return { keys: await findKeysLoggedSince(client, view, config.changeLogTable, new Date(since)) };
        }),
      { isNeeded: true },
    );
    if (found === null) return { sentences: [], ...instead };
    if (found.keys === 0) return { sentences: [], refused: 'The log names no row of the view since then.' };
    return {
      sentences: [
        html`The next batch fetches every row that the log has named since ${showTime(since)}, captured or not.`,
      ],
      counts: [['Rows', formatNumber(found.keys)]],
    };
  },
  done: (view) => `Extract is asked to recheck ${view}. The next batch carries the rows.`,
};
