-- What an operator needs to know about a view: failures that halt it, retries, stops, rows and cost. Applied once, under a lock, by the first function that needs it.
alter table etl.etl_error add column halts_view boolean not null default false;
comment on column etl.etl_error.halts_view is 'the failure halted its view; status shows it before all others';
update etl.etl_error e set halts_view = true
from etl.view_source v
where e.view_name = v.name and v.halted_at is not null and e.resolved_at is null and e.message = v.halted_reason;
create index on etl.etl_error (halts_view desc, id desc) where resolved_at is null;

alter table etl.view_source
  add column paused_at timestamptz,
  add column paused_by text,
  add column paused_reason text,
  add column halted_by text,
  add column source_counted_at timestamptz,
  add column source_count_ms integer,
  add column daily_budget_bytes bigint check (daily_budget_bytes > 0),
  add column cost_accepted_on date;
comment on column etl.view_source.paused_by is 'who paused the view, as far as the call says';
comment on column etl.view_source.halted_by is 'the operator who halted the view, as far as the call says; null: the system';
comment on column etl.view_source.source_count_ms is 'how long the last count of the rows of the view took; a slow count is repeated rarely';
comment on column etl.view_source.daily_budget_bytes is 'bytes that BigQuery may bill for the view within one UTC day; null: no limit';
comment on column etl.view_source.cost_accepted_on is 'the UTC day on which an operator lets the view go on above its budget';

-- A view whose last attempt failed and will be repeated. The row goes when work on the view succeeds, and when the view halts or resumes.
create table etl.view_retry (
  view_name text primary key references etl.view_source (name) on update cascade on delete cascade,
  function_name text not null,
  kind text not null,
  message text not null,
  advice text not null,
  attempts integer not null default 1,
  first_attempt_at timestamptz not null default now(),
  last_attempt_at timestamptz not null default now(),
  next_attempt_at timestamptz
);
comment on column etl.view_retry.next_attempt_at is 'when Pub/Sub delivers the event again at the latest; null after a call by hand, which nobody repeats before the next tick';

-- What BigQuery billed for each job, by the job's name, so that recording it twice counts it once.
create table etl.job_usage (
  job_id text primary key,
  view_name text not null references etl.view_source (name) on update cascade on delete cascade,
  etl_transaction_id bigint,
  bytes_billed bigint not null,
  slot_ms bigint not null,
  ended_at timestamptz not null
);
create index on etl.job_usage (view_name, ended_at);

alter table etl.etl_transaction
  add column bytes_billed bigint not null default 0,
  add column slot_ms bigint not null default 0,
  add column source_rows bigint,
  add column target_rows bigint;
comment on column etl.etl_transaction.bytes_billed is 'by BigQuery for all jobs of the batch that have ended, failed ones included';
comment on column etl.etl_transaction.source_rows is 'rows of the view in the snapshot of the batch; null: not counted';
comment on column etl.etl_transaction.target_rows is 'rows of the target that are not deleted, after the batch, as BigQuery counted them batch by batch; null: not known';
create index on etl.etl_transaction (view_name, applied_at) where applied_at is not null;
