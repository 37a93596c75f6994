import type { ViewSource } from '../../../shared/model/view-source.ts';
import { CONTENT_TYPE } from './use-source.ts';

/** A view source for `item_view` on the table `item`, with the given differences. */
export function makeViewSource(differing: Partial<ViewSource> = {}): ViewSource {
  return {
    name: 'item_view',
    targetName: 'item',
    mainTable: 'item',
    contentTypeId: CONTENT_TYPE.item,
    childTypeIds: [],
    contentTypeNames: {},
    keyColumn: 'item_id',
    trackedColumns: [],
    skipUntracked: false,
    foreignKeys: [],
    datetimeColumns: [],
    nullDefaults: {},
    unrepresentable: {},
    loadType: 'merge',
    partition: null,
    clusterColumns: [],
    reportColumn: 'update_at',
    recheckSeconds: 0,
    maxDeletedShare: 0.5,
    lookups: [],
    ignoredDependencies: [],
    enabled: true,
    paused: false,
    haltedReason: null,
    resyncRequestedAt: null,
    resyncBySystem: false,
    viewChanges: 'resync',
    columnChanges: 'evolve',
    knownColumns: [],
    unfilledColumns: [],
    acceptsDeletes: false,
    resyncAdvice: null,
    warehouseFingerprint: null,
    ...differing,
  };
}
