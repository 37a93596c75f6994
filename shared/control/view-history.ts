import type pg from 'pg';
import type { Kind } from '../model/batch.ts';
import type { State } from '../model/batch-states.ts';
import { inStatement } from '../postgres/transaction.ts';
import type { SchemaChange } from './schema-changes.ts';

/** How far back the charts of a view reach. */
export type Span = '24h' | '7d' | '30d';

/** Each is cut into about a hundred intervals, which begin at whole multiples of their length. */
export const INTERVALS: Record<Span, { seconds: number; count: number }> = {
  '24h': { seconds: 900, count: 96 },
  '7d': { seconds: 7200, count: 84 },
  '30d': { seconds: 21_600, count: 120 },
};

/** What was applied within one interval. Null where no batch tells. Durations are means, in seconds. */
export type Interval = {
  /** Its begin, in Unix seconds. */
  at: number;
  batches: number;
  rows: number;
  /** Rows per batch. */
  added: number | null;
  changed: number | null;
  deleted: number | null;
  unchanged: number | null;
  /** From the begin of the capture until everything was staged. */
  extractSeconds: number | null;
  /** From then until the batch was applied. */
  applySeconds: number | null;
  /** How late the oldest change of a batch arrived. */
  medianLagSeconds: number | null;
  maxLagSeconds: number | null;
  /** By BigQuery, for all jobs of the view. */
  bytesBilled: number;
};

/** A batch as a line of a list. 64-bit numbers are texts. */
export type ListedBatch = {
  id: string;
  kind: Kind;
  state: State;
  attempt: number;
  startedAt: Date;
  endedAt: Date | null;
  durationSeconds: number | null;
  added: string | null;
  changed: string | null;
  deleted: string | null;
  error: string | null;
};

export type ListedSchemaChange = SchemaChange & { detectedAt: Date };

/** The keys that wait, by why they do and by whether a batch has taken them. */
export type QueuedKeySummary = {
  kind: 'repair' | 'backfill';
  state: 'due' | 'later' | 'taken';
  keys: number;
  firstDueAt: Date;
  lastDueAt: Date;
};

/** The past of one view, for its page. */
export function createViewHistory(pool: pg.Pool) {
  const read = async (text: string, values: unknown[]) =>
    (await inStatement(pool, 'control', text, values)).rows;

  return {
    /** What was applied and billed, interval by interval, the oldest first and the present one last. */
    async activity(view: string, span: Span): Promise<Interval[]> {
      const { seconds, count } = INTERVALS[span];
      return (await read(ACTIVITY, [view, seconds, count])) as Interval[];
    },

    /** The newest batches. */
    async batches(view: string, limit: number): Promise<ListedBatch[]> {
      return (await read(
        `select t.id::text, t.kind, t.state, t.attempt, t.started_at as "startedAt", t.ended_at as "endedAt",
           extract(epoch from t.ended_at - t.started_at)::float8 as "durationSeconds",
           t.rows_added::text as added, t.rows_changed::text as changed, t.rows_deleted::text as deleted, t.error
         from etl.etl_transaction t where t.view_name = $1 order by t.id desc limit $2`,
        [view, limit],
      )) as ListedBatch[];
    },

    /** The newest changes of the view, and what was done about them. */
    async schemaChanges(view: string, limit: number): Promise<ListedSchemaChange[]> {
      return (await read(
        `select kind, action, details, detected_at as "detectedAt" from etl.schema_change
         where view_name = $1 order by id desc limit $2`,
        [view, limit],
      )) as ListedSchemaChange[];
    },

    async queuedKeys(view: string): Promise<QueuedKeySummary[]> {
      return (await read(
        `select kind, case when etl_transaction_id is not null then 'taken' when due_at <= now() then 'due' else 'later' end as state,
           count(*)::int4 as keys, min(due_at) as "firstDueAt", max(due_at) as "lastDueAt"
         from etl.queued_key where view_name = $1 group by 1, 2 order by 1, 2`,
        [view],
      )) as QueuedKeySummary[];
    },
  };
}

/** Parameters: the view, the seconds of an interval, and the number of intervals. */
const ACTIVITY = `
with length as (
  select make_interval(secs => $2::int4) as step,
    date_bin(make_interval(secs => $2::int4), now(), 'epoch') - ($3::int4 - 1) * make_interval(secs => $2::int4) as begin
), batch as (
  select date_bin(l.step, t.applied_at, 'epoch') as at, count(*)::int4 as batches,
    sum(t.rows_added + t.rows_changed + t.rows_deleted)::float8 as rows,
    avg(t.rows_added)::float8 as added, avg(t.rows_changed)::float8 as changed, avg(t.rows_deleted)::float8 as deleted,
    avg(t.rows_unchanged)::float8 as unchanged,
    avg(extract(epoch from t.staged_at - t.started_at))::float8 as "extractSeconds",
    avg(extract(epoch from t.applied_at - t.staged_at))::float8 as "applySeconds",
    (percentile_cont(0.5) within group (order by extract(epoch from t.lag)::float8))::float8 as "medianLagSeconds",
    max(extract(epoch from t.lag))::float8 as "maxLagSeconds"
  from length l join etl.etl_transaction t on t.view_name = $1 and t.applied_at >= l.begin
  group by 1
), job as (
  select date_bin(l.step, u.ended_at, 'epoch') as at, sum(u.bytes_billed)::float8 as bytes
  from length l join etl.job_usage u on u.view_name = $1 and u.ended_at >= l.begin
  group by 1
)
select extract(epoch from i.at)::float8 as at, coalesce(b.batches, 0) as batches, coalesce(b.rows, 0) as rows,
  b.added, b.changed, b.deleted, b.unchanged, b."extractSeconds", b."applySeconds", b."medianLagSeconds", b."maxLagSeconds",
  coalesce(j.bytes, 0) as "bytesBilled"
from length l cross join generate_series(0, $3::int4 - 1) n cross join lateral (select l.begin + n * l.step as at) i
left join batch b on b.at = i.at left join job j on j.at = i.at
order by i.at`;
