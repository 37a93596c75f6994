import type { ViewSource } from '../../../shared/model/view-source.ts';
import { CONTENT_TYPE } from './use-source.ts';

/** The view source of `item_view` on table `item`, and what differs from it. */
export function makeViewSource(differing: Partial<ViewSource> = {}): ViewSource {
  return {
    name: 'item_view',
    targetName: 'item',
    mainTable: 'item',
    contentTypeId: CONTENT_TYPE.item,
    contentTypeNames: {},
    keyColumn: 'item_id',
    trackedColumns: [],
    foreignKeys: [],
    datetimeColumns: [],
    nullDefaults: {},
    unrepresentable: {},
    loadType: 'merge',
    partition: null,
    clusterColumns: [],
    reportColumn: 'update_at',
    recheckSeconds: 0,
    lookups: [],
    enabled: true,
    paused: false,
    haltedReason: null,
    resyncRequestedAt: null,
    warehouseFingerprint: null,
    ...differing,
  };
}
