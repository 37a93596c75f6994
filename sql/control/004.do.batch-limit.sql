-- A batch that could not be copied in time is captured again smaller. Applied once, under a lock, by the first function that needs it.
alter table etl.checkpoint add column max_log_rows integer check (max_log_rows > 0);
comment on column etl.checkpoint.max_log_rows is 'how many log rows a batch may have since a larger one was too slow; null: MAX_BATCH_LOG_ROWS';
