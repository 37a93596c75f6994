-- What is known of a target between two batches, so that a change by somebody else is noticed.
alter table etl.view_source
  add column target_checked_at timestamptz,
  add column target_state jsonb;
comment on column etl.view_source.target_checked_at is 'when an extract without a batch last looked at the tables in BigQuery, or when they were made';
comment on column etl.view_source.target_state is 'what the last applied batch left: creation time and, for a merged target, number of rows; null if that is not known';
