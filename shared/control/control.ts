import type pg from 'pg';
import * as numbers from './batch-ids.ts';
import * as batches from './batches.ts';
import * as checkpoints from './checkpoints.ts';
import * as failures from './failures.ts';
import * as leases from './leases.ts';
import * as keys from './queued-keys.ts';
import * as retention from './retention.ts';
import * as status from './status.ts';
import * as views from './view-sources.ts';
import * as byHand from './view-stops.ts';

const operations = {
  acquireLease: leases.acquireLease,
  getViewSource: views.getViewSource,
  listViewSources: views.listViewSources,
  viewFreshness: views.viewFreshness,
  assertViewSourcesImportable: views.assertViewSourcesImportable,
  importViewSources: views.importViewSources,
  setWarehouseFingerprint: views.setWarehouseFingerprint,
  readCheckpoint: checkpoints.readCheckpoint,
  moveCheckpoint: checkpoints.moveCheckpoint,
  forgetCheckpoint: checkpoints.forgetCheckpoint,
  setBatchSize: checkpoints.setBatchSize,
  raiseBatchIds: numbers.raiseBatchIds,
  skipBatchIds: numbers.skipBatchIds,
  beginBatch: batches.beginBatch,
  markStaged: batches.markStaged,
  markLoaded: batches.markLoaded,
  getBatch: batches.getBatch,
  findInFlight: batches.findInFlight,
  claimForApply: batches.claimForApply,
  saveProgress: batches.saveProgress,
  markForNextAttempt: batches.markForNextAttempt,
  markApplied: batches.markApplied,
  abandonBatch: batches.abandonBatch,
  queueKeys: keys.queueKeys,
  queueRechecks: keys.queueRechecks,
  dueKeys: keys.dueKeys,
  recordFailure: failures.recordFailure,
  publishPendingDeadLetters: failures.publishPendingDeadLetters,
  recordFailureOnce: failures.recordFailureOnce,
  resolveRightsOfTicks: failures.resolveRightsOfTicks,
  haltView: failures.haltView,
  pauseView: byHand.pauseView,
  haltByHand: byHand.haltByHand,
  resumeView: byHand.resumeView,
  requestResync: byHand.requestResync,
  changeLoadType: byHand.changeLoadType,
  eventsToRedrive: byHand.eventsToRedrive,
  resolveFailures: byHand.resolveFailures,
  readStatus: status.readStatus,
  openFailures: status.openFailures,
  deleteOldRows: retention.deleteOldRows,
};

type Operations = typeof operations;
type Bound<F> = F extends (pool: pg.Pool, ...rest: infer Rest) => infer Result
  ? (...rest: Rest) => Result
  : never;

/** What the functions remember; each operation is one control transaction. */
export type Control = { [Name in keyof Operations]: Bound<Operations[Name]> } & {
  withLease<T>(lease: leases.Lease, limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
};

/** The operations over one control database, whose schema must be up to date (`migrate`). */
export function createControl(pool: pg.Pool): Control {
  const bound = Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (...rest: unknown[]) => (operation as (...all: unknown[]) => unknown)(pool, ...rest),
    ]),
  ) as { [Name in keyof Operations]: Bound<Operations[Name]> };
  return {
    ...bound,
    withLease: (lease, limitMs, work) => leases.withLease(pool, lease, limitMs, work),
  };
}
