import type pg from 'pg';
import type { ErrorKind } from '../errors.ts';
import { inStatement } from '../postgres/transaction.ts';
import { LISTED_CHECK, type ListedCheck } from './check-history.ts';

/** What happened to a view within a day, or to all of them: then `view` is null. 64-bit numbers are texts; null for what no batch tells. */
export type DailyActivity = {
  view: string | null;
  /** Batches that were applied, abandoned, and failed for good. */
  applied: number;
  abandoned: number;
  failed: number;
  /** Attempts to apply that were repeated. */
  retries: number;
  added: string;
  changed: string;
  deleted: string;
  unchanged: string;
  /** How late the oldest change of a batch arrived. */
  p95LagSeconds: number | null;
  maxLagSeconds: number | null;
  jobs: number;
  bytesBilled: string;
  slotMs: string;
};

/** Failures of one kind of one view. */
export type DailyFailures = {
  functionName: string;
  view: string | null;
  kind: ErrorKind;
  failures: number;
  /** How many of them nobody has redriven or resolved. */
  open: number;
  lastAt: Date;
  lastMessage: string;
};

export type DailySchemaChange = { view: string; kind: string; action: string; detectedAt: Date };

/** Everything that happened within one UTC day. */
export type DailyReport = {
  total: DailyActivity;
  views: DailyActivity[];
  failures: DailyFailures[];
  checks: ListedCheck[];
  schemaChanges: DailySchemaChange[];
};

const MAX_LINES = 500;

/** SQL for the condition that a time lies within the UTC day $1. */
const within = (time: string): string =>
  `${time} >= $1::date::timestamp at time zone 'UTC' and ${time} < ($1::date + 1)::timestamp at time zone 'UTC'`;

/** The report of one day. */
export function createDailyReport(pool: pg.Pool) {
  return {
    /** Reports a UTC day, given as YYYY-MM-DD. A list has at most 500 lines. */
    async read(day: string): Promise<DailyReport> {
      const read = async (text: string, values: unknown[]) =>
        (await inStatement(pool, 'control', text, values)).rows;
      const [activity, failures, checks, schemaChanges] = await Promise.all([
        read(ACTIVITY, [day]),
        read(FAILURES, [day, MAX_LINES]),
        read(CHECKS, [day, MAX_LINES]),
        read(SCHEMA_CHANGES, [day, MAX_LINES]),
      ]);
      const [total, ...views] = activity as [DailyActivity, ...DailyActivity[]];
      return {
        total,
        views,
        failures: failures as DailyFailures[],
        checks: checks as ListedCheck[],
        schemaChanges: schemaChanges as DailySchemaChange[],
      };
    },
  };
}

/** The total first, then one line for each view that did anything. Parameter: the day. */
const ACTIVITY = `
with applied as (
  select view_name as view, count(*)::int4 as applied, coalesce(sum(attempt - 1), 0)::int4 as retries,
    coalesce(sum(rows_added), 0) as added, coalesce(sum(rows_changed), 0) as changed, coalesce(sum(rows_deleted), 0) as deleted,
    coalesce(sum(rows_unchanged), 0) as unchanged,
    percentile_cont(0.95) within group (order by extract(epoch from lag)::float8) as p95, max(extract(epoch from lag))::float8 as max
  from etl.etl_transaction where ${within('applied_at')} group by grouping sets ((view_name), ())
), ended as (
  select view_name as view, count(*) filter (where state = 'abandoned')::int4 as abandoned,
    count(*) filter (where state = 'failed')::int4 as failed, coalesce(sum(attempt - 1), 0)::int4 as retries
  from etl.etl_transaction where state in ('abandoned', 'failed') and ${within('ended_at')} group by grouping sets ((view_name), ())
), job as (
  select view_name as view, count(*)::int4 as jobs, coalesce(sum(bytes_billed), 0) as bytes, coalesce(sum(slot_ms), 0) as slot_ms
  from etl.job_usage where ${within('ended_at')} group by grouping sets ((view_name), ())
), view as (
  select view from applied union select view from ended union select view from job
)
select v.view, coalesce(a.applied, 0) as applied, coalesce(e.abandoned, 0) as abandoned, coalesce(e.failed, 0) as failed,
  coalesce(a.retries, 0) + coalesce(e.retries, 0) as retries, coalesce(a.added, 0)::text as added, coalesce(a.changed, 0)::text as changed,
  coalesce(a.deleted, 0)::text as deleted, coalesce(a.unchanged, 0)::text as unchanged,
  a.p95 as "p95LagSeconds", a.max as "maxLagSeconds",
  coalesce(j.jobs, 0) as jobs, coalesce(j.bytes, 0)::text as "bytesBilled", coalesce(j.slot_ms, 0)::text as "slotMs"
from view v left join applied a on a.view is not distinct from v.view left join ended e on e.view is not distinct from v.view
left join job j on j.view is not distinct from v.view
order by v.view nulls first`;

const FAILURES = `
select function_name as "functionName", view_name as view, kind, count(*)::int4 as failures,
  count(*) filter (where resolved_at is null)::int4 as open, max(occurred_at) as "lastAt", (array_agg(message order by id desc))[1] as "lastMessage"
from etl.etl_error where ${within('occurred_at')}
group by 1, 2, 3 order by failures desc, 6 desc limit $2`;

/** Those that found differences first: where the list ends, they must not be missing. */
const CHECKS = `
select ${LISTED_CHECK} from etl.consistency_check c where ${within('c.ended_at')} order by c.is_consistent is false desc, c.id limit $2`;

const SCHEMA_CHANGES = `
select view_name as view, kind, action, detected_at as "detectedAt" from etl.schema_change
where ${within('detected_at')} order by id limit $2`;
