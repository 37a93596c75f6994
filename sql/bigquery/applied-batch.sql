-- The ledger of merged batches, which makes a merge safe to repeat. Safe to repeat.
create table if not exists `your-project.SMartData_Temp.applied_batch` (
  view string not null,
  etl_transaction_id int64 not null,
  added int64,
  changed int64,
  deleted int64,
  unchanged int64,
  applied_at timestamp
)
cluster by view, etl_transaction_id
options (description = 'One row for each batch that was merged into its target');
