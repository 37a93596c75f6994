import type { BigQueryAccess, OpenBigQuery } from './bigquery-access.ts';
import { createRowComparison } from './compare-rows.ts';
import { createTableComparison } from './compare-tables.ts';
import { createRowCount } from './count-rows.ts';
import { datasetLocation } from './dataset-location.ts';
import { createDirectLoad } from './direct-load.ts';
import { type RecordUsage, reportingUsage } from './job-usage.ts';
import { createMergeTarget } from './merge-target.ts';
import { type Datasets, jobId } from './names.ts';
import { createPurge } from './purge.ts';
import { createTargetReader } from './read-target.ts';
import { createTargetReplacement } from './replace-target.ts';
import { createReportingView } from './reporting-view.ts';
import { createStreamTarget, type OpenWriterClient } from './stream-target.ts';
import { createTargetSettings } from './target-settings.ts';
import { createViewObjects } from './view-objects.ts';

export type Warehouse = ReturnType<typeof createWarehouse>;

/**
 * The operations on BigQuery that batches need. Every error is classified. Every job has a deterministic id, a location, labels and a
 * time-out. Rows that are not acknowledged within `callTimeoutSeconds` are appended again. Clients are opened at their first use. `recordUsage` gets
 * what each job used.
 */
export function createWarehouse(
  openClient: OpenBigQuery,
  openWriterClient: OpenWriterClient,
  datasets: Datasets,
  callTimeoutSeconds = 60,
  recordUsage: RecordUsage = async () => undefined,
) {
  const access: BigQueryAccess = {
    openBigQuery: async () => reportingUsage(await openClient(), recordUsage),
    datasets,
    // Job ids are unique in the project. The dataset in them separates two installations that share a project.
    nameOf: (step, ...parts) => jobId(step, datasets.target, ...parts),
  };

  return {
    ...createTableComparison(access),
    ...createViewObjects(access),
    ...createTargetReader(access),
    ...createTargetReplacement(access),
    ...createTargetSettings(access),
    ...createReportingView(access),
    ...createMergeTarget(access),
    ...createDirectLoad(access),
    ...createStreamTarget({ ...access, openWriterClient, answerTimeoutMs: callTimeoutSeconds * 1000 }),
    ...createRowCount(access),
    ...createPurge(access),
    ...createRowComparison(access),

    /** The location of a dataset; null if it does not exist. */
    datasetLocation: async (dataset: string): Promise<string | null> =>
      await datasetLocation(await access.openBigQuery(), dataset),
  };
}
