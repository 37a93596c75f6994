import type { CheckEvent } from '../events/messages.ts';
import { bucketCount } from '../model/buckets.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { estimateRows } from '../source/fetch.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { comparedColumns, describeCompared } from './describe-compared.ts';

/** Says what a check would read, as BigQuery estimates. Changes nothing. */
export async function forecastCheck({ view, mode = 'full' }: CheckEvent, dependencies: Dependencies) {
  const { control, source, warehouse } = dependencies;
  const viewSource = await control.viewSources.get(view);
  return await inSnapshot(source, async (client) => {
    const described = await describeCompared(client, viewSource, dependencies);
    const sourceRows = await estimateRows(client, described);
    const bytes = await warehouse.estimateBytes({
      shape: described.shape,
      columns: comparedColumns(described, { mode }),
      buckets: bucketCount(sourceRows),
      window: null,
      asOf: null,
    });
    const isRefused = viewSource.maxCheckBytes !== null && bytes > viewSource.maxCheckBytes;
    return {
      outcome: 'dry run',
      view,
      sourceRows: String(sourceRows),
      bytes: String(bytes),
      would: isRefused
        ? `refuse: more than the ${viewSource.maxCheckBytes} bytes of max_check_bytes`
        : 'read the target once, and once more if rows differ',
    };
  });
}
