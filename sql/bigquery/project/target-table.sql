-- The target, BigQuery's copy of pmr_project. Safe to repeat.
create table if not exists `your-project.SMartDataAnalytics.project` (
  `project_id` int64 not null,
  `enq` string,
  `project_name` string,
  `project_start` date,
  `project_end` date,
  `company_id` int64,
  `company` string,
  `has_pm` bool,
  `is_deleted` bool,
  `update_at` timestamp,
  `etl_transaction_id` int64,
  primary key (`project_id`) not enforced
)
partition by date_trunc(`project_start`, month)
cluster by `project_id`, `project_start`, `company_id`
options (description = 'Copy of pmr_project; deleted rows stay, with is_deleted');
