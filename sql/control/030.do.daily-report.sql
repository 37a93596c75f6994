-- Indexes for the daily report. Applied once, under a lock, by the first function that needs it.
create index etl_transaction_not_applied_ended on etl.etl_transaction (ended_at) where state in ('abandoned', 'failed');
create index etl_error_occurred on etl.etl_error (occurred_at);
