import type { TableShape } from '../../shared/columns.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { ViewSource } from '../../shared/view-source.ts';
import type { Dependencies } from '../dependencies.ts';

/**
 * Before a batch is begun: makes the view's BigQuery objects when they are missing or another release made them, raises the
 * number generator above what the target has met, and compares columns. Throws `schema_drift` naming every difference, and
 * `configuration` when the target of a view that was loaded before is gone.
 */
export async function prepareWarehouse(
  source: ViewSource,
  shape: TableShape,
  lease: Lease,
  { control, warehouse }: Dependencies,
  deadlineMs: number,
  wasLoaded: boolean,
): Promise<void> {
  const layout = {
    partition: source.partition,
    clusterColumns: source.clusterColumns,
    reportColumn: source.reportColumn,
  };
  const fingerprint = warehouse.fingerprint(shape, layout);
  const missing = await warehouse.missingTables(shape);
  if (wasLoaded && missing.includes('target')) {
    throw new DataHubError(
      'configuration',
      `the target of view ${source.name} is gone, with the rows that were loaded`,
      {
        context: { view: source.name },
        advice: 'Restore the table from its time travel window, or resync the view.',
      },
    );
  }
  if (missing.length === 0 && source.warehouseFingerprint === fingerprint) return;
  const highest = await warehouse.makeObjects(shape, layout, lease.token, deadlineMs);
  await control.raiseNumber(highest);
  await control.setWarehouseFingerprint(source.name, fingerprint);
}
