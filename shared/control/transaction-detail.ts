import type pg from 'pg';
import type { LoadType } from '../model/columns.ts';
import { inStatement } from '../postgres/transaction.ts';
import { LISTED_COLUMNS, type ListedTransaction } from './transaction-list.ts';

/** Everything that is recorded of one ETL transaction. */
export type TransactionDetail = ListedTransaction & {
  /** Of its view now; another one may have applied it. */
  loadType: LoadType;
  loadAttempt: number;
  oldestChangeAt: Date | null;
  hasMore: boolean;
  acceptsDeletes: boolean;
  resyncRequestedAt: Date | null;
  /** Rows of a streamed batch that are acknowledged, and when all of a complete batch were. */
  streamedRows: bigint;
  streamedAt: Date | null;
  /** Rows of the target before a complete batch. */
  rowsBefore: bigint | null;
  /** By column: values that its policy replaced. */
  policyValues: Record<string, number>;
  definition: Record<string, unknown> | null;
  nextCheckpoint: Record<string, unknown>;
  /** The numbers of the view's transactions before and after it. */
  before: bigint | null;
  after: bigint | null;
};

/** What BigQuery billed for a job of the transaction that has ended. */
export type BilledJob = { jobId: string; bytesBilled: bigint; slotMs: bigint; endedAt: Date };

/** A failure of the transaction. */
export type TransactionFailure = {
  id: bigint;
  occurredAt: Date;
  functionName: string;
  kind: string;
  message: string;
  advice: string;
  resolvedAt: Date | null;
};

export type TransactionRecord = {
  detail: TransactionDetail;
  jobs: BilledJob[];
  failures: TransactionFailure[];
  /** The checks that compared the target as this transaction left it, the newest first. */
  checks: { check: bigint; state: string; isConsistent: boolean | null; endedAt: Date | null }[];
};

/** A job of the preparation may end before the batch begins, and one that outlived its call is seen late. */
const JOBS = `select job_id as "jobId", bytes_billed as "bytesBilled", slot_ms as "slotMs", ended_at as "endedAt" from etl.job_usage
  where view_name = $2 and etl_transaction_id = $1 and ended_at > $3::timestamptz - interval '1 day'
    and ended_at < coalesce($4::timestamptz, now()) + interval '1 day'
  order by ended_at, job_id`;

const FAILURES = `select id, occurred_at as "occurredAt", function_name as "functionName", kind, message, advice, resolved_at as "resolvedAt"
  from etl.etl_error where view_name = $2 and etl_transaction_id = $1 order by id desc limit 50`;

const CHECKS = `select id as "check", state, is_consistent as "isConsistent", ended_at as "endedAt" from etl.consistency_check
  where view_name = $2 and etl_transaction_id = $1 order by id desc limit 20`;

const DETAIL = `select ${LISTED_COLUMNS}, v.load_type as "loadType", t.load_attempt as "loadAttempt",
    t.oldest_change_at as "oldestChangeAt", t.has_more as "hasMore", t.accepts_deletes as "acceptsDeletes",
    t.resync_requested_at as "resyncRequestedAt", t.streamed_rows as "streamedRows", t.streamed_at as "streamedAt",
    t.rows_before as "rowsBefore", t.policy_values as "policyValues", t.definition, t.next_checkpoint as "nextCheckpoint",
    (select max(o.id) from etl.etl_transaction o where o.view_name = t.view_name and o.id < t.id) as before,
    (select min(o.id) from etl.etl_transaction o where o.view_name = t.view_name and o.id > t.id) as after
  from etl.etl_transaction t join etl.view_source v on v.name = t.view_name where t.id = $1`;

export function createTransactionDetail(pool: pg.Pool) {
  const read = async (sql: string, values: unknown[]) =>
    (await inStatement(pool, 'control', sql, values)).rows;
  return {
    /** The transaction with this number, and what belongs to it; null when there is none. */
    async find(id: bigint): Promise<TransactionRecord | null> {
      const [detail]: TransactionDetail[] = await read(DETAIL, [id]);
      if (detail === undefined) return null;
      const { view, startedAt, endedAt } = detail;
      const [jobs, failures, checks] = await Promise.all([
        read(JOBS, [id, view, startedAt, endedAt]),
        read(FAILURES, [id, view]),
        read(CHECKS, [id, view]),
      ]);
      return { detail, jobs, failures, checks };
    },
  };
}
