-- Indexes for the pages of admin, and groups of failures. Applied once, under a lock, by the first function that needs it. Until all is done,
-- nothing is written to etl_transaction: about five seconds for a million rows on two cores; who meets this waits.
create index etl_transaction_started on etl.etl_transaction (started_at desc, id desc);
create index etl_transaction_view_started on etl.etl_transaction (view_name, started_at desc, id desc);
create index etl_transaction_applied on etl.etl_transaction (applied_at) where applied_at is not null;
-- The few that are not as most are.
create index etl_transaction_not_applied on etl.etl_transaction (state, started_at desc, id desc) where state <> 'applied';
create index etl_transaction_special on etl.etl_transaction (kind, started_at desc, id desc) where kind <> 'incremental';
create index etl_transaction_equal on etl.etl_transaction (started_at desc, id desc) where is_consistent is true;
create index etl_transaction_differs on etl.etl_transaction (started_at desc, id desc) where is_consistent is false;
create index etl_transaction_counted on etl.etl_transaction (view_name, id desc) where state = 'applied' and source_rows is not null;
create index job_usage_ended on etl.job_usage (ended_at);

-- The newest batch of a view is read by an index that begins with the view. Where PostgreSQL believes that a view has many of the rows, it reads
-- all views backwards instead, and through the whole history for a view that has been paused for long, or is new.
alter table etl.etl_transaction alter column view_name set statistics 1, alter column view_name set (n_distinct = 1000);
alter table etl.consistency_check alter column view_name set statistics 1, alter column view_name set (n_distinct = 1000);
alter table etl.etl_error alter column view_name set statistics 1, alter column view_name set (n_distinct = 1000);
alter table etl.job_usage alter column view_name set statistics 1, alter column view_name set (n_distinct = 1000);

-- Failures with the same reason: their messages without what differs from one to the next. The table is written again, which takes about a
-- second for 100,000 failures.
alter table etl.etl_error add column reason text not null generated always as (left(regexp_replace(
  replace(message, coalesce(view_name, ''), '*'),
  '"(?:[^"\\]|\\.)*"|''[^'']*''|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]+(?:[.:,T-]+[0-9]+)*', '*', 'g'), 400)) stored;
comment on column etl.etl_error.reason is 'the message without the view, numbers, and what stands in quotes: failures that have it in common are shown as one group';
create index etl_error_open on etl.etl_error (id desc) where resolved_at is null;

analyze etl.etl_transaction, etl.consistency_check, etl.etl_error, etl.job_usage;
