import type pg from 'pg';
import type { ErrorKind } from '../errors.ts';
import type { LoadType } from '../model/columns.ts';
import { inStatement } from '../postgres/transaction.ts';
import { type CheckStatus, LAST_CHECK_SQL, RUNNING_CHECK_SQL, type RunningCheck } from './check-status.ts';
import { OVER_BUDGET, TODAY } from './job-usage.ts';
import { WAITS_FOR_RESYNCS } from './schema-changes.ts';

/** How an operator stopped a view, or the system (`by` is null). Null for what is not known. */
export type StopStatus = { since: string | null; by: string | null; why: string | null };

/** Rates are of the time since the batch began; null before the first slice is staged. */
export type CopyStatus = {
  slices: number;
  slicesDone: number;
  rows: string;
  rowsPerSecond: number | null;
  secondsLeft: number | null;
};

/** The state of a view, for an operator. Times are ISO 8601, 64-bit numbers are texts. docs/operations.md describes every field. */
export type ViewStatus = {
  view: string;
  loadType: LoadType;
  state: 'running' | 'waiting' | 'retrying' | 'over budget' | 'not enabled' | 'paused' | 'halted';
  haltedReason: string | null;
  halted: StopStatus | null;
  /** `until`: when a tick ends the pause; null when an operator does. */
  paused: (StopStatus & { until: string | null }) | null;
  /** The last attempt, if it failed and is repeated. `nextAttempt` is null when nobody repeats it before the next tick. */
  lastError: string | null;
  lastErrorAdvice: string | null;
  lastAttempt: string | null;
  nextAttempt: string | null;
  failedAttempts: number;
  /** Seconds since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
  resyncRequested: boolean;
  /** Log rows skipped since the import, because their object id is no value of the key's type. */
  badKeys: string;
  /** Keys that wait to be fetched whatever the log says. */
  queuedKeys: number;
  /** Why rows of the target may be wrong until the view is resynced; null if nothing is known. */
  resyncAdvised: string | null;
  inFlight: {
    etlTransactionId: string;
    kind: string;
    state: string;
    attempt: number;
    since: string;
    /** How far the copy of a large view has come; null for other batches, and once all is staged. */
    copy: CopyStatus | null;
  } | null;
  lastApplied: {
    etlTransactionId: string;
    kind: string;
    appliedAt: string;
    /** From the beginning of its capture until it was applied. */
    durationSeconds: number;
    added: string;
    changed: string;
    deleted: string;
    /** Rows that log rows named and that were equal already; none for a stream, which writes every row. */
    unchanged: string;
  } | null;
  /** The rows of both sides after the last batch in whose snapshot the view was counted; `target` is null where BigQuery does not tell. */
  rows: { source: string; target: string | null; etlTransactionId: string; appliedAt: string } | null;
  /** What was applied within the last 24 hours: `rows` that changed, and rows that were equal already. */
  lastDay: { batches: number; rows: string; unchanged: string };
  /** What BigQuery billed for the view's jobs on each of the last seven UTC days that had any, the newest first. */
  cost: { day: string; bytesBilled: string; slotMs: string; jobs: number }[];
  dailyBudgetBytes: string | null;
  /** The latest comparison with the target that ended, and one that has not ended. */
  lastCheck: CheckStatus | null;
  runningCheck: RunningCheck | null;
};

/** An unresolved failure. */
export type OpenFailure = {
  id: string;
  occurredAt: string;
  functionName: string;
  view: string | null;
  kind: ErrorKind;
  /** Whether the view stands still because of it. */
  haltsView: boolean;
  message: string;
  advice: string;
  event: string | null;
};

/** SQL for the progress of the batch `t`. */
const COPY_OF_BATCH = `(select jsonb_build_object('slices', slices, 'slicesDone', done, 'rows', rows::text,
    'rowsPerSecond', round(rows / nullif(seconds, 0)), 'secondsLeft', round(seconds * (slices - done) / nullif(done, 0)))
  from (
    select count(*) as slices, count(copied_at) as done, coalesce(sum(rows), 0) as rows,
      extract(epoch from max(copied_at) - t.started_at) as seconds
    from etl.copied_slice s where s.etl_transaction_id = t.id
  ) copied where slices > 0 and t.state = 'extracting')`;

const FAILURES = 50;
const COST_DAYS = 7;

/** Reads each of these tables once for all views: the rows of a time lie side by side, but those of a view do not. */
const OF_ALL_VIEWS = `with last_day as (
  select view_name, count(*) as batches, sum(rows_added + rows_changed + rows_deleted) as rows, sum(rows_unchanged) as unchanged
  from etl.etl_transaction
  where applied_at > now() - interval '1 day' and (view_name = $1 or $1 is null) group by view_name
), billed as (
  select view_name, jsonb_agg(jsonb_build_object('day', day, 'bytesBilled', bytes_billed::text, 'slotMs', slot_ms::text,
    'jobs', jobs) order by day desc) as cost
  from generate_series(0, $2::int4 - 1) as ago
  cross join lateral (select ${TODAY} - ago as day) d
  cross join lateral (
    select view_name, sum(bytes_billed) as bytes_billed, sum(slot_ms) as slot_ms, count(*) as jobs
    from etl.job_usage
    where ended_at >= day::timestamp at time zone 'UTC' and ended_at < (day + 1)::timestamp at time zone 'UTC'
      and (view_name = $1 or $1 is null)
    group by view_name) j
  group by view_name
)`;

/** The state of views and failures, as an operator reads it. */
export function createStatus(pool: pg.Pool) {
  return {
    /** The state of every view, or of one view, by the control database's clock. `costDays`: 1 for today alone, which takes less time. */
    async views(view?: string, { costDays = COST_DAYS } = {}): Promise<ViewStatus[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `${OF_ALL_VIEWS}
         select v.name as view, v.load_type as "loadType",
           case when not v.enabled then 'not enabled' when v.halted_at is not null then 'halted'
                when v.paused then 'paused' when ${OVER_BUDGET} then 'over budget'
                when exists (select from etl.view_source own where own.name = v.name and ${WAITS_FOR_RESYNCS}) then 'waiting'
                when r.view_name is not null then 'retrying' else 'running' end as state,
           v.halted_reason as "haltedReason",
           case when v.halted_at is not null then
             jsonb_build_object('since', v.halted_at, 'by', v.halted_by, 'why', v.halted_reason) end as halted,
           case when v.paused then
             jsonb_build_object('since', v.paused_at, 'by', v.paused_by, 'why', v.paused_reason, 'until', v.paused_until) end as paused,
           r.message as "lastError", r.advice as "lastErrorAdvice", r.last_attempt_at as "lastAttempt",
           r.next_attempt_at as "nextAttempt", coalesce(r.attempts, 0) as "failedAttempts",
           extract(epoch from now() - coalesce(v.captured_at, v.imported_at))::float8 as "behindSeconds",
           v.resync_requested_at is not null as "resyncRequested", v.bad_keys::text as "badKeys",
           v.resync_advised_reason as "resyncAdvised",
           (select count(*)::int4 from etl.queued_key k where k.view_name = v.name) as "queuedKeys",
           (select jsonb_build_object('etlTransactionId', t.id::text, 'kind', t.kind, 'state', t.state,
              'attempt', t.attempt, 'since', t.started_at, 'copy', ${COPY_OF_BATCH})
            from etl.etl_transaction t where t.view_name = v.name and t.state in ('extracting', 'staged', 'applying')
           ) as "inFlight",
           (select jsonb_build_object('etlTransactionId', t.id::text, 'kind', t.kind, 'appliedAt', t.applied_at,
              'durationSeconds', round(extract(epoch from t.applied_at - t.started_at), 3),
              'added', t.rows_added::text, 'changed', t.rows_changed::text, 'deleted', t.rows_deleted::text,
              'unchanged', coalesce(t.rows_unchanged, 0)::text)
            from etl.etl_transaction t where t.view_name = v.name and t.state = 'applied' order by t.id desc limit 1
           ) as "lastApplied",
           (select jsonb_build_object('source', t.source_rows::text, 'target', t.target_rows::text,
              'etlTransactionId', t.id::text, 'appliedAt', t.applied_at)
            from etl.etl_transaction t where t.view_name = v.name and t.state = 'applied' and t.source_rows is not null
            order by t.id desc limit 1
           ) as rows,
           jsonb_build_object('batches', coalesce(l.batches, 0), 'rows', coalesce(l.rows, 0)::text,
             'unchanged', coalesce(l.unchanged, 0)::text) as "lastDay",
           coalesce(b.cost, '[]') as cost,
           v.daily_budget_bytes::text as "dailyBudgetBytes",
           ${LAST_CHECK_SQL} as "lastCheck", ${RUNNING_CHECK_SQL} as "runningCheck"
         from etl.view_source v left join etl.view_retry r on r.view_name = v.name
         left join last_day l on l.view_name = v.name left join billed b on b.view_name = v.name
         where v.name = $1 or $1 is null order by v.name`,
        [view ?? null, costDays],
      );
      return rows as ViewStatus[];
    },

    /** The unresolved failures: first those that halt a view, then the others, newest first, at most 50; and how many there are in all. */
    async openFailures(view?: string): Promise<{ failures: OpenFailure[]; failuresInAll: number }> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select e.id::text, e.occurred_at as "occurredAt", e.function_name as "functionName", e.view_name as view, e.kind,
           e.halts_view as "haltsView", e.message, e.advice, e.event, (count(*) over ())::int4 as in_all
         from etl.etl_error e where e.resolved_at is null and (e.view_name = $1 or $1 is null)
         order by e.halts_view desc, e.id desc limit $2`,
        [view ?? null, FAILURES],
      );
      const failures = rows.map(({ in_all, ...failure }) => failure as OpenFailure);
      return { failures, failuresInAll: (rows[0]?.in_all as number | undefined) ?? 0 };
    },
  };
}
