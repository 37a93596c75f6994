-- Indexes for the daily report and for the deletion of old rows. Applied once, under a lock, by the first function that needs it.
create index etl_transaction_not_applied_ended on etl.etl_transaction (ended_at) where state in ('abandoned', 'failed');
create index etl_error_occurred on etl.etl_error (occurred_at);
create index etl_error_resolved on etl.etl_error (resolved_at, id) where resolved_at is not null;
create index consistency_check_ended on etl.consistency_check (ended_at) where ended_at is not null;
create index schema_change_detected on etl.schema_change (detected_at);
-- Work that succeeds resolves the failures of its view; deleting a batch looks for checkpoints that name it.
create index etl_error_open_of_view on etl.etl_error (view_name, kind) where resolved_at is null;
create index checkpoint_etl_transaction on etl.checkpoint (etl_transaction_id);
