-- The target, BigQuery's copy of pmr_pm_item. Safe to repeat.
create table if not exists `your-project.SMartDataAnalytics.pm_item` (
  `pm_item_id` int64 not null,
  `pm_id` int64,
  `is_pm` bool,
  `pm_engineer` string,
  `actual_date` date,
  `document_engineer` string,
  `document_date` date,
  `inventory_id` int64,
  `is_complete` bool,
  `is_deleted` bool,
  `update_at` timestamp,
  `etl_transaction_id` int64,
  primary key (`pm_item_id`) not enforced
)
partition by timestamp_trunc(`update_at`, month)
cluster by `pm_item_id`, `pm_id`, `inventory_id`
options (description = 'Copy of pmr_pm_item; deleted rows stay, with is_deleted');
