import type pg from 'pg';
import { createAppliedBatches } from './applied-batches.ts';
import { createAudit } from './audit.ts';
import { createBatchIds } from './batch-ids.ts';
import { createBatchTransitions } from './batch-transitions.ts';
import { createBatches } from './batches.ts';
import { createCheckHistory } from './check-history.ts';
import { createCheckpoints } from './checkpoints.ts';
import { createConsistencyChecks } from './consistency-checks.ts';
import { createDailyReport } from './daily-report.ts';
import { createFailureGroups } from './failure-groups.ts';
import { createFailures } from './failures.ts';
import { createForgetting } from './forget-view.ts';
import { createInstallation } from './installation.ts';
import { createJobUsage } from './job-usage.ts';
import { createKeyMentions } from './key-mentions.ts';
import { createLeases } from './leases.ts';
import { createLoadTypes } from './load-type.ts';
import { createLogFloor } from './log-floor.ts';
import { createLogOrigins } from './log-origins.ts';
import { createQueuedKeys } from './queued-keys.ts';
import { createRedrive } from './redrive.ts';
import { createRetention } from './retention.ts';
import { createRetries } from './retries.ts';
import { createRowBatches } from './row-batches.ts';
import { createRowCounts } from './row-counts.ts';
import { createSchemaChanges } from './schema-changes.ts';
import { createSlicedCopies } from './sliced-copies.ts';
import { createStatus } from './status.ts';
import { createTargetChecks } from './target-checks.ts';
import { createTransactionDetail } from './transaction-detail.ts';
import { createTransactionList } from './transaction-list.ts';
import { createViewActivity } from './view-activity.ts';
import { createViewHistory } from './view-history.ts';
import { createViewSources } from './view-sources.ts';
import { createViewStops } from './view-stops.ts';
import { createViewWork } from './view-work.ts';

/** The control database: what the functions remember. Each method is one control transaction. */
export type Control = ReturnType<typeof createControl>;

/** The parts of one control database, whose schema must be up to date (`migrate`). */
export function createControl(pool: pg.Pool) {
  return {
    batches: { ...createBatches(pool), ...createBatchTransitions(pool) },
    batchIds: createBatchIds(pool),
    checkpoints: createCheckpoints(pool),
    checkHistory: createCheckHistory(pool),
    appliedBatches: createAppliedBatches(pool),
    audit: createAudit(pool),
    consistencyChecks: createConsistencyChecks(pool),
    failureGroups: createFailureGroups(pool),
    dailyReport: createDailyReport(pool),
    failures: { ...createFailures(pool), ...createRedrive(pool) },
    forgetting: createForgetting(pool),
    installation: createInstallation(pool),
    jobUsage: createJobUsage(pool),
    keyMentions: createKeyMentions(pool),
    leases: createLeases(pool),
    loadTypes: createLoadTypes(pool),
    logFloor: createLogFloor(pool),
    logOrigins: createLogOrigins(pool),
    queuedKeys: createQueuedKeys(pool),
    retention: createRetention(pool),
    schemaChanges: createSchemaChanges(pool),
    retries: createRetries(pool),
    rowBatches: createRowBatches(pool),
    rowCounts: createRowCounts(pool),
    slicedCopies: createSlicedCopies(pool),
    status: createStatus(pool),
    targetChecks: createTargetChecks(pool),
    transactionDetail: createTransactionDetail(pool),
    transactionList: createTransactionList(pool),
    viewActivity: createViewActivity(pool),
    viewHistory: createViewHistory(pool),
    viewSources: createViewSources(pool),
    viewStops: createViewStops(pool),
    viewWork: createViewWork(pool),
  };
}
