import type { CheckEvent } from '../events/reconcile-event.ts';
import { bucketCount } from '../model/buckets.ts';
import type { LoadType } from '../model/columns.ts';
import { sinceOf } from '../model/consistency.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { readRowTextOptions } from '../source/compare-rows.ts';
import { estimateRows } from '../source/plan-slices.ts';
import { inSnapshot } from '../source/snapshot.ts';
import type { RecentKeys } from '../warehouse/compare-rows.ts';
import { comparedColumns, describeCompared } from './describe-compared.ts';
import { findRecent } from './find-recent.ts';

/** Says what a check would read, as BigQuery estimates. Changes nothing. */
export async function forecastCheck({ view, mode = 'full', since }: CheckEvent, dependencies: Dependencies) {
  const { clock, control, source, warehouse } = dependencies;
  const viewSource = await control.viewSources.get(view);
  return await inSnapshot(source, async (client) => {
    const described = await describeCompared(client, viewSource, dependencies);
    const options = await readRowTextOptions(client, viewSource);
    const sourceRows = await estimateRows(client, described);
    const start = { startedAt: new Date(clock.nowMs()), sinceDays: since ?? null };
    const recent =
      since === undefined
        ? null
        : await findRecent(client, { view: described, options }, viewSource, sinceOf(start));
    const compared = {
      shape: described.shape,
      columns: comparedColumns(described, { mode }),
      buckets: bucketCount(sourceRows),
      window: null,
      asOf: null,
    };
    const bytes = await warehouse.estimateBytes(compared, recent);
    const isRefused = viewSource.maxCheckBytes !== null && bytes > viewSource.maxCheckBytes;
    return {
      outcome: 'dry run',
      view,
      sourceRows: String(recent === null ? sourceRows : recent.keys.length),
      bytes: String(bytes),
      would: isRefused
        ? `refuse: more than the ${viewSource.maxCheckBytes} bytes of max_check_bytes`
        : whatItReads(viewSource.loadType, recent),
    };
  });
}

function whatItReads(loadType: LoadType, recent: RecentKeys | null): string {
  if (recent === null) return 'read the target once, and once more if rows differ';
  const further = 'and the target once more, as a whole, if rows differ';
  if (loadType === 'bq-storage-api') return `read the target as a whole, since it is streamed, ${further}`;
  return recent.partitions === null
    ? `read the target as a whole, since no column of the view partitions it, ${further}`
    : `read the partitions of these rows, ${further}`;
}
