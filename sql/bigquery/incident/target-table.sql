-- The target, BigQuery's copy of xyz_incident. Safe to repeat.
create table if not exists `your-project.SMartDataAnalytics.incident` (
  `incident_id` int64 not null,
  `inventory_id` int64,
  `incident_type` string,
  `service_type` string,
  `severity` string,
  `status` string,
  `open_datetime` timestamp,
  `close_datetime` timestamp,
  `incident_owner` string,
  `update_at` timestamp,
  `etl_transaction_id` int64,
  primary key (`incident_id`) not enforced
)
partition by timestamp_trunc(`open_datetime`, month)
cluster by `incident_id`, `open_datetime`, `status`, `severity`
options (description = 'Copy of xyz_incident; deleted rows are removed', max_staleness = interval 0 minute);
