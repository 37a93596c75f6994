import { describeView } from '../../../shared/source/describe-view.ts';
import { estimateRows } from '../../../shared/source/plan-slices.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { formatNumber } from '../ui/format.ts';
import type { Preview, Subject } from './action.ts';
import { tryPreview } from './try-preview.ts';

/** How many rows the whole view has, for an action that loads it. Source and target as they were last counted stand beside it. */
export async function estimateView({
  source,
  status,
  dependencies,
}: Subject): Promise<Pick<Preview, 'counts' | 'refused' | 'unknown'>> {
  const { config, source: pool } = dependencies;
  const { found, instead } = await tryPreview(
    () =>
      inSnapshot(pool, async (client) => ({
        rows: await estimateRows(client, await describeView(client, source, config.contentTypeTable)),
      })),
    { isNeeded: false },
  );
  const { rows } = status;
  return {
    counts: [
      ...(found === null ? [] : [['Rows of the main table, about', formatNumber(found.rows)] as const]),
      ...(rows === null ? [] : [['Source rows, last count', formatNumber(rows.source)] as const]),
      ...(rows === null || rows.target === null
        ? []
        : [['Target rows, last count', formatNumber(rows.target)] as const]),
    ],
    ...instead,
  };
}
