import { countKeys } from '../../../shared/source/count-keys.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { formatNumber } from '../ui/format.ts';
import type { Action } from './action.ts';
import { tryPreview } from './try-preview.ts';

const MAX_KEYS = 10_000;

/** Fetches some rows, whatever the log says. */
export const KEYS: Action = {
  path: 'keys',
  title: 'Backfill keys',
  about: 'Fetches some rows again, whatever the log says.',
  button: 'Fetch these keys',
  runsIn: 'extract',
  input: [
    {
      name: 'keys',
      label: 'Keys',
      kind: 'lines',
      isRequired: true,
      hint: 'One on each line. Whole numbers may also stand between commas.',
    },
  ],
  payload: ({ source }, { keys }) => ({ view: source.name, keys: keysOf(keys) }),
  async preview({ source, status, dependencies }, values) {
    const keys = keysOf(values.keys);
    if (keys.length > MAX_KEYS) {
      return {
        sentences: [],
        refused: `These are ${formatNumber(keys.length)} keys; a page takes ${formatNumber(MAX_KEYS)}.`,
      };
    }
    const { config, source: pool } = dependencies;
    const { found, instead } = await tryPreview(
      () =>
        inSnapshot(pool, async (client) =>
          countKeys(client, await describeView(client, source, config.contentTypeTable), keys),
        ),
      { isNeeded: true },
    );
    if (found === null) return { sentences: [], ...instead };
    if (found.bad.length > 0) {
      return { sentences: [], refused: `These are no keys of the view: ${found.bad.join(', ')}.` };
    }
    return {
      sentences: [
        'The next batch fetches these keys: rows that the view has are written, others are deleted in the target.',
      ],
      counts: [
        ['Keys', formatNumber(keys.length)],
        ['In the view', formatNumber(found.rows)],
        ['Not in the view', formatNumber(keys.length - found.rows)],
        ['Queued before', formatNumber(status.queuedKeys)],
      ],
    };
  },
  done: (view) => `Extract is asked to queue these keys of ${view}. The next batch carries them.`,
};

const NUMBERS = /^-?\d+(?:\s*,\s*-?\d+)+,?$/;

/** Each key once. */
function keysOf(text = ''): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const keys = lines.flatMap((line) => (NUMBERS.test(line) ? line.split(',') : [line]));
  return [...new Set(keys.map((key) => key.trim()).filter((key) => key !== ''))];
}
