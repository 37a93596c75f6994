import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { StreamHighWater } from '../../shared/staging/staging.ts';

export type Preparation = {
  /** Of a streamed view: the number of the last batch that was streamed, as far as the bucket remembers. */
  highWater: StreamHighWater | null;
  /** The whole view goes by load job straight into its streamed target, which is empty and never was streamed into. */
  isDirectLoad: boolean;
};

/**
 * Before a batch is begun: makes the view's BigQuery objects when they are missing or another release made them, raises the
 * number generator above what the target has met, and compares columns. Answers how a batch of the view must be staged. Throws `schema_drift` naming every difference, and `configuration` when the target of a view that was loaded before
 * is gone, or an empty view would empty a target.
 */
export async function prepareWarehouse(
  source: ViewSource,
  shape: TableShape,
  lease: Lease,
  { control, staging, warehouse }: Dependencies,
  deadlineMs: number,
  load: { wasLoaded: boolean; isEmpty: boolean },
): Promise<Preparation> {
  const layout = {
    partition: source.partition,
    clusterColumns: source.clusterColumns,
    reportColumn: source.reportColumn,
  };
  const isStreamed = source.loadType === 'bq-storage-api';
  if (isStreamed) await warehouse.streamMessage(shape);
  const fingerprint = warehouse.fingerprint(shape, layout);
  const missing = await warehouse.missingTables(shape);
  if (load.wasLoaded && missing.includes('target')) {
    throw new DataHubError(
      'configuration',
      `the target of view ${source.name} is gone, with the rows that were loaded`,
      {
        context: { view: source.name },
        advice: 'Restore the table from its time travel window, or resync the view.',
      },
    );
  }
  // A merge refuses a number that its target has met; BigQuery would ignore the rows of a stream silently (I7).
  const highWater = isStreamed ? await staging.readStreamHighWater(source.name) : null;
  const metNumber = highWater?.number ?? null;
  if (metNumber !== null) await control.raiseBatchIds(metNumber);
  const isMade = missing.length === 0 && source.warehouseFingerprint === fingerprint;
  // An empty view is compared with its target at every try, also after one that made everything.
  if (isMade && !load.isEmpty && !(isStreamed && metNumber === null)) {
    return { highWater, isDirectLoad: false };
  }
  // From here on there is a target without the rows that were covered, whatever becomes of this batch.
  if (missing.includes('target')) await control.forgetCheckpoint(lease);
  const { highest, targetRows } = await warehouse.makeObjects(shape, layout, lease.token, deadlineMs);
  if (load.isEmpty && targetRows > 0n) {
    throw new DataHubError(
      'configuration',
      `view ${source.name} has no row, but its target has ${targetRows} from before: a load would delete them all`,
      {
        context: { view: source.name },
        advice:
          'Look whether the source role sees the rows; delete the target by hand if the view is really empty.',
      },
    );
  }
  await control.raiseBatchIds(highest);
  await control.setWarehouseFingerprint(source.name, fingerprint);
  // Loaded rows have no sequence number: whatever was streamed before, and comes late, would overwrite them.
  const isDirectLoad = isStreamed && !load.wasLoaded && highWater === null && targetRows === 0n;
  return { highWater, isDirectLoad };
}
